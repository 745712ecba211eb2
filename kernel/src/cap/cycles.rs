//! Objects that only keep each other alive.

use super::object::Object;

/// Looks whether `object` is kept alive only by capabilities inside objects that are themselves
/// not reachable any more.
pub(super) fn examine(_object: &Object) {}
