//! The program: logging, the runtime, and the command line.

use std::process::ExitCode;

use clap::Parser;
use hobnob::cli::Cli;

fn main() -> ExitCode {
    hobnob::logging::install("warn,hobnob=info,actix_http=off");
    let outcome = actix_web::rt::System::new().block_on(Cli::parse().run());
    log::logger().flush();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hobnob: {error}");
            ExitCode::FAILURE
        }
    }
}
