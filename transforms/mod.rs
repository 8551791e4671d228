//! The suite: every transform, in the order in which their fixes win over each other.

pub mod create_on_device;
pub mod elementwise_item;
pub mod lock_without_with;
pub mod mutable_default;
pub mod mutate_while_iterating;
pub mod open_without_with;
pub mod resource_without_with;
pub mod sync_in_loop;

use crate::engine::transform::Transform;

/// All transforms. The order is meaning: where two fixes change the same statements, the earlier transform wins the round.
pub const SUITE: &[&dyn Transform] = &[
    &mutable_default::MutableDefault,
    &mutate_while_iterating::MutateWhileIterating,
    &elementwise_item::ElementwiseItem,
    &sync_in_loop::SyncInLoop,
    &create_on_device::CreateOnDevice,
    &open_without_with::OpenWithoutWith,
    &lock_without_with::LockWithoutWith,
    &resource_without_with::ResourceWithoutWith,
];
