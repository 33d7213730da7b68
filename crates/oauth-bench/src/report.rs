//! What was measured, as a table.

use std::fmt;
use std::time::Duration;

use crate::server::Server;
use crate::workload::Workload;

/// One measurement of one server under one workload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Processor time per unit, in microseconds.
    cpu: f64,
    /// Units per second.
    rate: f64,
    /// How much of its processor the server used; less than all means that it was not the bottleneck.
    busy: f64,
    half: Duration,
    most: Duration,
    /// KiB.
    peak: u64,
}

#[expect(clippy::cast_precision_loss, reason = "counts and times far below 2^52")]
impl Sample {
    pub(crate) fn new(cpu: Duration, wall: Duration, mut latencies: Vec<Duration>, peak: u64) -> Self {
        let units = latencies.len().max(1) as f64;
        latencies.sort_unstable();
        let percentile = |percent: usize| {
            let at = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
            latencies.get(at).copied().unwrap_or_default()
        };
        Self {
            cpu: cpu.as_secs_f64() * 1e6 / units,
            rate: units / wall.as_secs_f64(),
            busy: cpu.as_secs_f64() / wall.as_secs_f64(),
            half: percentile(50),
            most: percentile(99),
            peak,
        }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} µs, {:.0}/s, {:.0} % busy",
            self.cpu,
            self.rate,
            self.busy * 100.0
        )
    }
}

/// All samples, in the order in which they were taken.
pub(crate) struct Report {
    servers: Vec<Server>,
    samples: Vec<(Workload, Server, Sample)>,
}

impl Report {
    pub(crate) fn new(servers: Vec<Server>) -> Self {
        Self {
            servers,
            samples: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, workload: Workload, server: Server, sample: Sample) {
        self.samples.push((workload, server, sample));
    }

    fn of(&self, workload: Workload, server: Server) -> Vec<Sample> {
        let samples = self.samples.iter();
        samples
            .filter(|(own, of, _)| *own == workload && *of == server)
            .map(|(_, _, sample)| *sample)
            .collect()
    }

    /// The floor's capacity per core over the server's, round by round: neighbours in time are compared, so that a
    /// machine that slows down over the minutes does not matter.
    fn share(&self, workload: Workload, server: Server) -> Option<f64> {
        let floor = self.of(workload, Server::Floor);
        let own = self.of(workload, server);
        let shares = floor.iter().zip(&own).map(|(floor, own)| floor.cpu / own.cpu);
        median(shares.collect())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| workload | server | CPU per unit | share of the floor | goal | units/s | busy | p50 | p99 | peak memory |"
        )?;
        writeln!(f, "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")?;
        for workload in Workload::ALL {
            for server in &self.servers {
                let samples = self.of(workload, *server);
                let of = |value: fn(&Sample) -> f64| median(samples.iter().map(value).collect());
                let Some(cpu) = of(|sample| sample.cpu) else { continue };
                let (share, goal) = match self.share(workload, *server) {
                    Some(share) if *server != Server::Floor => {
                        (format!("{share:.2}"), format!("{:.2}", workload.goal()))
                    }
                    _ => (String::new(), String::new()),
                };
                writeln!(
                    f,
                    "| {} | {} | {cpu:.1} µs | {share} | {goal} | {:.0} | {:.0} % | {:.0} µs | {:.0} µs | {:.1} MiB |",
                    workload.name(),
                    server.name(),
                    of(|sample| sample.rate).unwrap_or_default(),
                    of(|sample| sample.busy * 100.0).unwrap_or_default(),
                    of(|sample| sample.half.as_secs_f64() * 1e6).unwrap_or_default(),
                    of(|sample| sample.most.as_secs_f64() * 1e6).unwrap_or_default(),
                    of(|sample| mebibytes(sample.peak)).unwrap_or_default(),
                )?;
            }
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "memory far below 2^52 KiB")]
fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}

/// The middle of the values, or of the two in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some(f64::midpoint(values[low], values[high]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn a_share_compares_servers_of_the_same_round() {
        let mut report = Report::new(vec![Server::Floor, Server::Engine]);
        // The machine is twice as slow in the second round, for both.
        for (server, micros) in [
            (Server::Floor, 10),
            (Server::Engine, 20),
            (Server::Floor, 20),
            (Server::Engine, 40),
        ] {
            let cpu = Duration::from_micros(micros);
            let sample = Sample::new(cpu, cpu, vec![cpu], 1);
            report.add(Workload::Issue, server, sample);
        }
        let share = report.share(Workload::Issue, Server::Engine).unwrap();
        assert!((share - 0.5).abs() < 1e-9);
        assert!(
            report
                .to_string()
                .contains("| issue | engine | 30.0 µs | 0.50 | 0.85 |")
        );
    }
}
