//! stub
use crate::engine::finding::Tiers;
use crate::engine::transform::{Ask, Context, Findings, Match, Meta, Transform};

/// See the README beside this file.
pub struct MutableDefault;

static META: Meta = Meta {
    id: "mutable-default",
    summary: "",
    why: "",
    aliases: &["B006"],
    anchors: &[],
    options: &[],
    tier: Some(Tiers::Safe),
    query: include_str!("query.scm"),
    docs: include_str!("README.md"),
};

impl Transform for MutableDefault {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check<'t>(&self, _m: &Match<'t>, _cx: &Context<'t>, _out: &mut Findings) -> Ask<()> {
        Ok(())
    }
}
