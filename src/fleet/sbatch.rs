//! A job script for SLURM: one array element for each shard.

use super::secrets;

/// The script. `scan` are the arguments of `mlfix fleet scan`, without `--shard`; `most` elements run at a time, `jobs`
/// repositories each.
///
/// The number of shards is written out. SLURM has it in a variable, too, and that is a trap: after `sbatch --array=2`,
/// which repeats one element, `SLURM_ARRAY_TASK_COUNT` is 1.
pub fn script(shards: u32, most: u32, jobs: u16, scan: &[String]) -> String {
    let scan: Vec<String> = scan.iter().map(|word| quoted(word)).collect();
    let scan = scan.join(" ");
    let last = shards - 1;
    let secrets = secrets().into_iter().collect::<Vec<_>>().join(" ");
    format!(
        "#!/bin/bash
# Made by `mlfix fleet sbatch`. Submit it with `sbatch`; submit it again to go on where it ended.
# One element alone: `sbatch --array=2 SCRIPT`. What is done is never done twice.
#SBATCH --job-name=mlfix
#SBATCH --array=0-{last}%{most}
#SBATCH --cpus-per-task={jobs}
#SBATCH --mem-per-cpu=2G
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=mlfix-%A_%a.log
# Two minutes before the end the repository in hand is finished, and nothing new is begun.
#SBATCH --signal=B:TERM@120

# SLURM hands on what stands in your environment. A scan needs no token that may write.
unset {secrets}

exec mlfix fleet scan --shard \"$SLURM_ARRAY_TASK_ID/{shards}\" --jobs {jobs} {scan}
"
    )
}

/// A word as a shell takes it for one.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_shards_is_written_out() {
        let words = ["--repos", "my list.txt", "--out", "it's"].map(str::to_owned);
        let script = script(200, 20, 4, &words);
        assert!(script.contains("#SBATCH --array=0-199%20\n"), "{script}");
        let line =
            "exec mlfix fleet scan --shard \"$SLURM_ARRAY_TASK_ID/200\" --jobs 4 --repos 'my list.txt' --out 'it'\\''s'\n";
        assert!(script.ends_with(line), "{script}");
        assert!(!script.contains("TASK_COUNT"));
        assert!(script.contains("\nunset FORGEJO_TOKEN GH_TOKEN GITHUB_TOKEN GITLAB_TOKEN MLFIX_TOKEN\n"), "{script}");
    }
}
