#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hobnob_fuzz::targets::drafts(bytes));
