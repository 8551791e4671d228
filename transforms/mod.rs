//! The suite: every transform, in the order in which their fixes win over each other.

pub mod create_on_device;
pub mod elementwise_item;
pub mod implicit_sync_in_loop;
pub mod lock_without_with;
pub mod mutable_default;
pub mod mutate_while_iterating;
pub mod open_without_with;
pub mod repeated_sync;
pub mod resource_without_with;
pub mod setup_in_loop;
pub mod sync_in_loop;
pub mod synchronize_in_loop;
pub mod transfer_in_loop;

use crate::engine::transform::Transform;

/// All transforms. The order is meaning: where two fixes change the same statements, the earlier transform wins the round.
pub const SUITE: &[&dyn Transform] = &[
    &mutable_default::MutableDefault,
    &mutate_while_iterating::MutateWhileIterating,
    &elementwise_item::ElementwiseItem,
    &sync_in_loop::SyncInLoop,
    &implicit_sync_in_loop::ImplicitSyncInLoop,
    &synchronize_in_loop::SynchronizeInLoop,
    &transfer_in_loop::TransferInLoop,
    &repeated_sync::RepeatedSync,
    &setup_in_loop::SetupInLoop,
    &create_on_device::CreateOnDevice,
    &open_without_with::OpenWithoutWith,
    &lock_without_with::LockWithoutWith,
    &resource_without_with::ResourceWithoutWith,
];
