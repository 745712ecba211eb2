//! Thread-local storage: one copy of the program's thread-local template per thread.
//!
//! The template is the program's `PT_TLS` segment. Each thread gets a block with a copy and a
//! thread pointer into it: below the pointer on x86_64 (variant II, where the pointer's own word
//! holds its address), above it elsewhere (variant I, behind two words on AArch64).
//!
//! `#[thread_local]` is not stable, so [`LocalKey`] finds a thread's copy by the distance of the
//! template's static from the template's start; [`local!`](crate::local) declares both.

use core::marker::PhantomData;

use crate::abi::protection;
use crate::abi::well_known::ADDRESS_SPACE;
use crate::{Result, arch, sys};

unsafe extern "C" {
    static __tls_start: u8;
    static __tls_data_end: u8;
    static __tls_size: u8;
}

const ALIGN: usize = 64;

/// The template's first bytes. A linker may give statics of the template addresses or offsets; the
/// distance of two of them is right either way.
#[unsafe(link_section = ".tdata.first")]
static ANCHOR: u64 = 0;

fn start() -> usize {
    (&raw const __tls_start).addr()
}

fn size() -> usize {
    // An absolute symbol: its address is the number.
    (&raw const __tls_size).addr().next_multiple_of(ALIGN)
}

/// A thread's block.
pub(crate) struct Block {
    address: u64,
    length: u64,
    /// Value of the thread pointer.
    pub pointer: u64,
}

impl Block {
    /// Makes a block with a copy of the template.
    pub fn create() -> Result<Block> {
        let length = (size() + ALIGN + 4096).next_multiple_of(4096) as u64;
        let protection = protection::READ | protection::WRITE;
        let address = sys::map_anonymous(ADDRESS_SPACE, 0, length, protection).value()?;
        let data = if arch::TLS_BELOW {
            address as usize
        } else {
            address as usize + ALIGN
        };
        let template = (&raw const __tls_data_end).addr() - start();
        // SAFETY: the block was just mapped and is large enough; the template is part of the image.
        unsafe { core::ptr::copy_nonoverlapping(start() as *const u8, data as *mut u8, template) };
        let pointer = if arch::TLS_BELOW {
            data + size()
        } else {
            data - arch::TLS_GAP
        };
        if arch::TLS_BELOW {
            // SAFETY: the word behind the data is part of the block.
            unsafe { (pointer as *mut usize).write(pointer) };
        }
        Ok(Block {
            address,
            length,
            pointer: pointer as u64,
        })
    }

    /// Unmaps the block of a thread that has ended.
    pub fn destroy(self) {
        let _ = sys::unmap(ADDRESS_SPACE, self.address, self.length);
    }
}

/// Where the calling thread's copy begins.
fn data() -> usize {
    let pointer = sys::thread_pointer();
    if arch::TLS_BELOW {
        pointer - size()
    } else {
        pointer + arch::TLS_GAP
    }
}

/// A static of which every thread has its own copy.
pub struct LocalKey<T: 'static> {
    template: *const T,
    marker: PhantomData<T>,
}

// SAFETY: a key is an address; what it leads to belongs to the calling thread.
unsafe impl<T> Sync for LocalKey<T> {}

impl<T> LocalKey<T> {
    /// For [`crate::local!`].
    ///
    /// # Safety
    /// `template` is a static in the section `.tdata`.
    pub const unsafe fn new(template: *const T) -> Self {
        Self {
            template,
            marker: PhantomData,
        }
    }

    /// Runs `body` with the calling thread's copy.
    pub fn with<R>(&self, body: impl FnOnce(&T) -> R) -> R {
        let offset = self.template.addr() - (&raw const ANCHOR).addr();
        // SAFETY: every thread has a block with a copy of the template, at the template's
        // alignment; only this thread uses it.
        body(unsafe { &*((data() + offset) as *const T) })
    }
}

/// Declares thread-local statics: `local! { static COUNT: Cell<u32> = Cell::new(0); }`. A value's
/// initial bytes are constant, and it is not dropped when its thread ends.
#[macro_export]
macro_rules! local {
    ($($(#[$doc:meta])* $visible:vis static $name:ident: $type:ty = $value:expr;)*) => {$(
        $(#[$doc])*
        $visible static $name: $crate::tls::LocalKey<$type> = {
            #[repr(transparent)]
            struct Template(#[allow(dead_code)] $type);
            // SAFETY: the template itself is only ever copied from.
            unsafe impl Sync for Template {}
            #[unsafe(link_section = ".tdata")]
            static TEMPLATE: Template = Template($value);
            // SAFETY: `TEMPLATE` is in `.tdata`.
            unsafe { $crate::tls::LocalKey::new((&raw const TEMPLATE).cast()) }
        };
    )*};
}
