//! What a request costs, compared with the least that any server would have to do for it.
//!
//! One program in several roles, so that all of them are built alike: `run` measures; `floor` and `engine` are servers that it
//! starts, each in a process of its own. `cargo xtask bench` builds and pins them; `docs/benchmarks.md` says how to read the table.

mod connection;
mod daemon;
mod engine;
mod floor;
mod line;
mod listening;
mod process;
mod report;
mod run;
mod server;
mod workload;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "\
oauth-bench run [--quick] [--rounds N] [--only WORKLOAD,…] [--servers SERVER,…]
oauth-bench floor | engine [DATABASE]       one of the servers that `run` starts
oauth-bench configuration STORE             the configuration of the `oauthd` that `run` starts
oauth-bench drive WORKLOAD ADDRESS UNITS    load for a server that runs already, under a profiler for instance";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["floor"] => listening::serve(async { Ok(floor::router()) }),
        ["engine"] => listening::serve(engine::on_memory()),
        ["engine", file] => listening::serve(engine::on_sqlite(file)),
        ["configuration", store] => {
            print!("{}", daemon::configuration(store));
            Ok(())
        }
        ["run", rest @ ..] => run::Plan::parse(rest).and_then(|plan| run::run(&plan)),
        ["drive", workload, address, units] => run::drive_alone(workload, address, units),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
