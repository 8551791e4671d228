//! The program: run, print the error, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    match mlfix::cli::run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            mlfix::cli::complain(&error);
            ExitCode::from(2)
        }
    }
}
