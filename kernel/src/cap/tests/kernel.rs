//! What the machine itself shows: the kernel's memory after many capabilities. The runner compares free
//! frames and the heap's objects before and after each test.

use super::*;
use crate::{cmdline, kernel_test, ktest_assert_eq};

kernel_test! {
    /// All at once, a tenth of them deleted one by one, the rest revoked; a million with `test.soak`.
    fn a_million_capabilities_leave_nothing_behind() {
        let soak = cmdline::arguments().flag("test.soak");
        let count = if soak { 1_000_000 } else { 100_000 };
        let (space, object) = (space(), probe());
        let root = space.insert_root(object.object(), Rights::all(), 0).expect("room");
        let mut source = root;
        for i in 0..count {
            let child = space.mint(source, ALL).expect("room");
            // Some are children of children.
            source = if i % 7 == 0 { child } else { root };
        }
        ktest_assert_eq!(space.count(), count + 1);
        let mut deleted = 0;
        for index in (2..count).step_by(10) {
            deleted += space.delete(Token::new(index, 1)).is_ok() as u32;
        }
        ktest_assert_eq!(object.object().capabilities(), count + 1 - deleted);
        ktest_assert_eq!(space.revoke(root), Ok((count - deleted) as u64));
        ktest_assert_eq!((space.count(), object.object().capabilities()), (1, 1));
        space.close();
        drop((space, object));
        reap();
    }
}
