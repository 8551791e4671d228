//! stub
use crate::engine::finding::Tiers;
use crate::engine::transform::{Ask, Context, Findings, Match, Meta, Transform};

/// See the README beside this file.
pub struct MutateWhileIterating;

static META: Meta = Meta {
    id: "mutate-while-iterating",
    summary: "",
    why: "",
    aliases: &["B909"],
    anchors: &[],
    options: &[],
    tier: Some(Tiers::Safe),
    query: include_str!("query.scm"),
    docs: include_str!("README.md"),
};

impl Transform for MutateWhileIterating {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check<'t>(&self, _m: &Match<'t>, _cx: &Context<'t>, _out: &mut Findings) -> Ask<()> {
        Ok(())
    }
}
