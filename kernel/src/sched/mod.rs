//! Scheduling.

pub mod tree;

/// A point where a long operation answers what others ask of this CPU.
#[inline]
pub fn preemption_point() {
    crate::lock::spin();
}
