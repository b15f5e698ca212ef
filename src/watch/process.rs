//! What the system knows of this process: memory, files, threads, time. Linux tells it in `/proc`; elsewhere it is not
//! known.

use std::fs;

/// Ticks of a second in `/proc/self/stat`: `USER_HZ`, which is 100 on every Linux that runs this.
const TICKS: f64 = 100.0;

/// A look at the process.
pub struct Process {
    /// Memory that is its own now, in bytes.
    pub resident_bytes: u64,
    pub threads: u64,
    pub open_files: u64,
    /// Files it may have open; `None`: any number.
    pub most_files: Option<u64>,
    /// Processor time it has had, in seconds.
    pub cpu_seconds: f64,
}

impl Process {
    /// `None`: this system does not tell.
    pub fn look() -> Option<Process> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let resident = line("VmRSS:")?.strip_suffix("kB")?.trim().parse::<u64>().ok()?;
        let limits = fs::read_to_string("/proc/self/limits").ok()?;
        let most = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace().next()?;
        Some(Process {
            resident_bytes: resident * 1024,
            threads: line("Threads:")?.parse().ok()?,
            // Without the one that looks.
            open_files: (fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1),
            most_files: most.parse().ok(),
            cpu_seconds: cpu(&fs::read_to_string("/proc/self/stat").ok()?)?,
        })
    }
}

/// The 14th and 15th word: time in user and in system. The second word is a name in parentheses that may hold anything.
fn cpu(stat: &str) -> Option<f64> {
    let mut words = stat[stat.rfind(')')? + 1..].split_whitespace().skip(11);
    let (user, system): (f64, f64) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some((user + system) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_found_behind_any_name() {
        let stat = "7 (a) b) c) S 1 7 7 0 -1 4194560 1 2 3 4 250 50 9 9 20 0 1 0";
        assert_eq!(cpu(stat), Some(3.0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_known() {
        let now = Process::look().expect("Linux tells");
        assert!(now.resident_bytes > 1 << 20 && now.threads > 0 && now.open_files > 2);
    }
}
