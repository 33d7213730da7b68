//! What cargo alone cannot say: tests that need other programs, the direction of dependencies, speed, tidiness.

mod arch;
mod bench;
mod need;
mod outcome;
mod suite;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask test [--install] [FILTER]   run every test; FILTER is a suite, or a part of the names of tests
cargo xtask arch                        check the direction of dependencies
cargo xtask bench [--quick] [--only WORKLOAD,…] [--servers SERVER,…] [--rounds N]
                                        measure what a request costs
cargo xtask tidy                        check tracked files for what belongs to one machine only";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["test", rest @ ..] => match test::Request::parse(rest) {
            // The summary is the last line; the exit code says the rest.
            Some(request) => test::run(&request).map(|total| ExitCode::from(u8::from(total.failed > 0))),
            None => return usage(),
        },
        ["arch"] => arch::run().map(|()| ExitCode::SUCCESS),
        ["bench", rest @ ..] => bench::run(rest).map(|()| ExitCode::SUCCESS),
        ["tidy"] => tidy::run().map(|()| ExitCode::SUCCESS),
        _ => return usage(),
    };
    done.unwrap_or_else(|message| {
        eprintln!("{message}");
        ExitCode::FAILURE
    })
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}
