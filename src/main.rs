//! The program: logging, the runtime, and the command line.

use std::process::ExitCode;

use clap::Parser;
use hobnob::cli::Cli;

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::new().filter_or("HOBNOB_LOG", "warn,actix_http=off")).init();
    match actix_web::rt::System::new().block_on(Cli::parse().run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hobnob: {error}");
            ExitCode::FAILURE
        }
    }
}
