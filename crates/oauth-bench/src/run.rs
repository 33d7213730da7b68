//! Measuring: every server under every workload, in rounds, so that what disturbs the machine disturbs all alike.

use std::time::{Duration, Instant};

use crate::daemon;
use crate::line::{Line, Progress, Target, access_tokens};
use crate::report::{Report, Sample};
use crate::server::Server;
use crate::workload::Workload;

/// How many clients are served at once.
const CONNECTIONS: usize = 32;
/// How many access tokens the workloads that present some take in turn.
const TOKENS: usize = 4096;
/// The longest that one measurement may take, however slow the server is.
const LONGEST: Duration = Duration::from_secs(20);

/// What is measured, and how long.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    workloads: Vec<Workload>,
    servers: Vec<Server>,
    rounds: usize,
    warm_up: usize,
    units: usize,
}

impl Plan {
    /// Reads the arguments of `run`.
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut plan = Self {
            workloads: Workload::ALL.to_vec(),
            servers: Server::ALL.to_vec(),
            rounds: 9,
            warm_up: 4_000,
            units: 40_000,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().copied().ok_or_else(|| format!("{argument} needs a value"));
            match *argument {
                "--quick" => {
                    plan.rounds = 3;
                    plan.units = 8_000;
                }
                "--rounds" => {
                    let text = value()?;
                    let rounds = text.parse().ok().filter(|rounds| (1..=99).contains(rounds));
                    plan.rounds = rounds.ok_or_else(|| format!("`{text}` is not between 1 and 99 rounds"))?;
                }
                "--only" => plan.workloads = chosen(value()?, Workload::named)?,
                "--servers" => plan.servers = chosen(value()?, Server::named)?,
                unknown => return Err(format!("unknown argument `{unknown}`")),
            }
        }
        Ok(plan)
    }
}

fn chosen<T>(list: &str, named: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    list.split(',')
        .map(|name| named(name).ok_or_else(|| format!("`{name}` is nothing that is measured")))
        .collect()
}

/// Measures, and prints the table.
pub(crate) fn run(plan: &Plan) -> Result<(), String> {
    let mut report = Report::new(plan.servers.clone());
    for workload in &plan.workloads {
        for round in 0..plan.rounds {
            for server in plan.servers.iter().filter(|server| server.serves(*workload)) {
                let sample = measure(plan, *workload, *server)
                    .map_err(|message| format!("{} on {}: {message}", workload.name(), server.name()))?;
                eprintln!(
                    "{} {}/{} {}: {sample}",
                    workload.name(),
                    round + 1,
                    plan.rounds,
                    server.name()
                );
                report.add(*workload, *server, sample);
            }
        }
    }
    print!("{report}");
    Ok(())
}

fn measure(plan: &Plan, workload: Workload, server: Server) -> Result<Sample, String> {
    let running = server.start()?;
    let process = &running.process;
    let mut lines = open(workload, &running.target)?;
    drive(&mut lines, plan.warm_up)?;
    let before = process.cpu_time()?;
    let driven = drive(&mut lines, plan.units)?;
    let cpu = process.cpu_time()?.saturating_sub(before);
    Ok(Sample::new(cpu, driven.wall, driven.latencies, process.peak_memory()?))
}

/// Loads a server that runs already, and prints nothing but how many units it completed.
pub(crate) fn drive_alone(workload: &str, address: &str, units: &str) -> Result<(), String> {
    let workload = Workload::named(workload).ok_or_else(|| format!("`{workload}` is no workload"))?;
    let mut target = Target {
        address: address.parse().map_err(|_| format!("`{address}` is no address"))?,
        cookies: None,
    };
    if matches!(workload, Workload::Rotation | Workload::Code) {
        target.cookies = daemon::sign_in(&target)?;
    }
    let units = units.parse().map_err(|_| format!("`{units}` is no number of units"))?;
    let driven = drive(&mut open(workload, &target)?, units)?;
    println!("{} units", driven.latencies.len());
    Ok(())
}

fn open(workload: Workload, target: &Target) -> Result<Vec<Line>, String> {
    let tokens = match workload {
        Workload::Resource | Workload::Introspection => access_tokens(target, TOKENS)?,
        Workload::Issue | Workload::Rotation | Workload::Code => Vec::new(),
    };
    // Each line presents tokens of its own, so that they do not all look for the same row.
    let share = tokens.len() / CONNECTIONS;
    let lines = (0..CONNECTIONS).map(|at| Line::open(workload, target, &tokens[at * share..(at + 1) * share]));
    lines.collect()
}

struct Driven {
    wall: Duration,
    latencies: Vec<Duration>,
}

/// Keeps every line busy until that many units are complete, and then waits for the last answers.
#[expect(clippy::disallowed_methods, reason = "measuring is about the real time")]
fn drive(lines: &mut [Line], units: usize) -> Result<Driven, String> {
    let mut latencies = Vec::with_capacity(units + lines.len());
    let start = Instant::now();
    let mut sent = Vec::with_capacity(lines.len());
    for line in &mut *lines {
        sent.push(Instant::now());
        line.send()?;
    }
    // In turns rather than by readiness: a server answers in about the order it was asked in, and nothing is
    // cheaper for the generator than reading from the line that has waited longest.
    let mut open = lines.len();
    let mut is_open = vec![true; lines.len()];
    while open > 0 {
        for (at, line) in lines.iter_mut().enumerate() {
            if !is_open[at] {
                continue;
            }
            let progress = line.receive()?;
            let now = Instant::now();
            if progress == Progress::Complete {
                latencies.push(now.duration_since(sent[at]));
                sent[at] = now;
                if latencies.len() + open > units || start.elapsed() > LONGEST {
                    is_open[at] = false;
                    open -= 1;
                    continue;
                }
            }
            line.send()?;
        }
    }
    Ok(Driven {
        wall: start.elapsed(),
        latencies,
    })
}
