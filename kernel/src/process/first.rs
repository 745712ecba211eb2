//! The first process: `init`, from the initial RAM disk, with all authority there is.

use super::create;
use super::elf::Image;
use super::objects::{Memory, Plain};
use super::pcb::TREE;
use crate::arch::power;
use crate::cap::{Kind, Policy, Rights, Token};
use crate::initrd::Archive;
use crate::ipc::registry::Namespace;
use crate::machine::machine;
use crate::mm::object::{Backing, MemoryObject};
use crate::mm::{PhysAddr, virt_to_phys};
use crate::println;
use veridian_abi::{Error, well_known};

/// Exit status when there is no first process.
const NO_INIT: u8 = 126;

/// Makes and starts the first process, or ends the machine with a message.
pub fn start_first(archive: Archive) {
    if let Err(error) = start(archive) {
        println!("veridian: cannot start init: {}", error.text());
        power::exit(NO_INIT);
    }
}

fn start(archive: Archive) -> Result<(), Error> {
    #[cfg(not(feature = "ktest"))]
    let (name, words) = ("init", "");
    #[cfg(feature = "ktest")]
    let (name, words) = crate::test_framework::first_program();
    let file = archive.find(name).ok_or(Error::NotFound)?;
    let disk = machine().initrd.clone().ok_or(Error::NotFound)?;
    let base = PhysAddr(disk.start & !0xfff);
    let end = disk.end.next_multiple_of(4096);
    let memory = Memory::wrap(MemoryObject::new(Backing::Physical, end - base.0, base))?;
    let offset = virt_to_phys(file.as_ptr()).0 - base.0;
    let image = Image {
        memory: memory.memory(),
        offset,
        length: file.len() as u64,
    };
    let process = create::build(None, &image, *b"init\0\0\0\0\0\0\0\0\0\0\0\0")?;
    TREE.lock().init = &raw const *process;
    let space = process.space()?;
    let namespace = Namespace::create()?;
    for (object, expected) in [
        (Plain::create(Kind::Console), well_known::CONSOLE),
        (namespace.header(), well_known::NAMESPACE),
        (memory.header(), well_known::INITRD),
        (Plain::create(Kind::Machine), well_known::MACHINE),
    ] {
        let token = space.insert_root(object, Rights::all(), 0)?;
        debug_assert_eq!(token, Token(expected));
        space.set_policy(token, Policy::Drop)?;
    }
    let arguments = Memory::wrap(MemoryObject::create(4096))?;
    write_arguments(arguments.memory(), &[words, machine().command_line()])?;
    let token = space.insert_root(arguments.header(), Rights::READ, 0)?;
    create::start(&process, token.0)
}

/// Words in the form in which programs find their arguments.
fn write_arguments(page: &MemoryObject, texts: &[&str]) -> Result<(), Error> {
    let mut at = 8;
    for word in texts.iter().flat_map(|text| text.split_ascii_whitespace()) {
        page.write(at, word.as_bytes())?;
        at += word.len() as u64 + 1;
    }
    page.write(0, &(at - 8).to_le_bytes())?;
    Ok(())
}
