//! How far a scan is, told from its folder: on a shared file system, by whoever wants to know.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::journal;
use super::records::Records;
use super::sum::Sum;

/// The pace is that of the last ten minutes, in which something was done.
const WINDOW: u64 = 600;

/// A few lines: how many are done and what they came to, how fast it goes, and when it will be over if `expected`
/// repositories are to be looked at.
///
/// # Errors
/// Those of [`Records::open`].
pub fn report(run: &Path, expected: Option<usize>) -> anyhow::Result<String> {
    let records = Records::open(run)?;
    let mut sum = Sum::default();
    records.headings().for_each(|heading| sum.add_status(heading.status, heading.class));
    let mut lines = vec![sum.line()];
    let mut times = journal::times(run);
    times.sort_by_key(|taken| taken.at);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let recent: Vec<_> = times.iter().filter(|taken| taken.at + WINDOW >= now).collect();
    let left = expected.map(|expected| expected.saturating_sub(records.len()));
    match (recent.first(), left) {
        (_, Some(0)) => lines.push("All are done.".to_owned()),
        (Some(first), left) => {
            // What was done first began before it was done.
            let since = Duration::from_secs(now - first.at) + Duration::from_secs_f64(first.total.max(0.001));
            lines.push(pace(recent.len(), left.unwrap_or(0), since));
        }
        (None, Some(left)) => lines.push(format!("{left} are left, and nothing was done in the last ten minutes.")),
        (None, None) => {}
    }
    times.sort_by(|a, b| b.total.total_cmp(&a.total));
    for taken in times.iter().take(3).filter(|taken| taken.total >= 10.0) {
        lines.push(format!("{:.0} s for {} ({:.0} s of them until its bytes were here)", taken.total, taken.repo, taken.clone));
    }
    lines.push(String::new());
    Ok(lines.join("\n"))
}

/// `40 done, 12.5 a minute, 3 min left`
pub fn pace(done: usize, left: usize, time: Duration) -> String {
    let minutes = (time.as_secs_f64() / 60.0).max(1e-6);
    #[expect(clippy::cast_precision_loss, reason = "nobody counts so many repositories")]
    let (rate, left_minutes) = (done as f64 / minutes, left as f64 * minutes / done.max(1) as f64);
    let rest = match left_minutes {
        _ if left == 0 => String::new(),
        minutes if minutes < 1.0 => ", less than a minute left".to_owned(),
        minutes if minutes < 120.0 => format!(", {minutes:.0} min left"),
        minutes => format!(", {:.1} h left", minutes / 60.0),
    };
    format!("{done} done, {rate:.1} a minute{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_tells_the_end() {
        let minute = Duration::from_mins(1);
        assert_eq!(pace(30, 90, minute), "30 done, 30.0 a minute, 3 min left");
        assert_eq!(pace(30, 0, minute), "30 done, 30.0 a minute");
        assert_eq!(pace(1, 400, minute), "1 done, 1.0 a minute, 6.7 h left");
        assert_eq!(pace(0, 4, Duration::ZERO), "0 done, 0.0 a minute, less than a minute left");
    }
}
