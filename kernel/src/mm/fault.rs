//! Page faults, as traps report them.

use super::tlb;
use super::vas::FaultError;
use crate::arch::layout::USER_END;
use crate::trap::Access;

/// Resolves a fault at a user address in the space of the current thread, whether user code or a
/// copy to or from user memory met it.
#[inline]
pub fn user_fault(address: u64, access: Access) -> Result<(), FaultError> {
    if address >= USER_END {
        return Err(FaultError::NotMapped);
    }
    // SAFETY: the current thread holds a reference to the space that its CPU has active.
    let space = unsafe { tlb::current() }.ok_or(FaultError::NotMapped)?;
    space.handle_fault(address, access)
}
