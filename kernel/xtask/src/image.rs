//! An image folder: everything that QEMU and the IDE need of one kernel.
//!
//! `veridian.elf` (symbols), `veridian.boot` (what `-kernel` gets),
//! `initrd.img` (user programs and the symbol table) and `image.json`. A file
//! is replaced, by rename, only when its content differs, so that watchers see
//! real changes alone. `.stamp` names the inputs with size and time: while it
//! matches, nothing is read.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use object::Endianness;
use object::elf::{FileHeader64, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};
use serde_json::{Value, json};

use crate::arch::Arch;
use crate::cargo::Executable;
use crate::{cpio, symbols};

const STAMP: &str = ".stamp";
const FILES: [&str; 4] = ["veridian.elf", "veridian.boot", "initrd.img", "image.json"];

/// What an image is made from.
pub struct Inputs<'a> {
    pub arch: Arch,
    pub profile: &'a str,
    pub kernel: &'a Path,
    pub programs: &'a [Executable],
}

/// Makes `folder` hold the image; returns its `image.json` with absolute paths.
pub fn write(folder: &Path, inputs: &Inputs) -> Result<Value, String> {
    let stamp = stamp(inputs)?;
    let complete = FILES.iter().all(|file| folder.join(file).exists());
    let fresh = complete && fs::read_to_string(folder.join(STAMP)).is_ok_and(|old| old == stamp);
    if !fresh {
        assemble(folder, inputs)?;
        replace(&folder.join(STAMP), stamp.as_bytes())?;
    }
    let text = fs::read(folder.join("image.json")).map_err(|e| format!("image.json: {e}"))?;
    let mut image: Value = serde_json::from_slice(&text).map_err(|e| format!("image.json: {e}"))?;
    for key in ["elf", "boot", "initrd"] {
        let name = image[key].as_str().unwrap_or_default().to_owned();
        image[key] = json!(folder.join(name));
    }
    Ok(image)
}

fn assemble(folder: &Path, inputs: &Inputs) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let elf = read(inputs.kernel)?;
    let boot = if inputs.arch.boots_flat() {
        flat(&elf)?
    } else {
        elf.clone()
    };
    let mut initrd = cpio::Archive::default();
    let mut programs: Vec<_> = inputs.programs.iter().collect();
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    for program in programs {
        initrd.file(&program.name, &loadable(read(&program.path)?)?);
    }
    initrd.file("symbols", &symbols::pack(&elf)?);
    let image = json!({
        "arch": inputs.arch.name(),
        "profile": inputs.profile,
        "elf": "veridian.elf",
        "boot": "veridian.boot",
        "initrd": "initrd.img",
        "build_id": symbols::build_id_text(&elf)?,
    });
    replace(&folder.join("veridian.elf"), &elf)?;
    replace(&folder.join("veridian.boot"), &boot)?;
    replace(&folder.join("initrd.img"), &initrd.finish())?;
    replace(
        &folder.join("image.json"),
        format!("{image:#}\n").as_bytes(),
    )
}

/// The loaded bytes of an ELF file as they lie in physical memory.
fn flat(elf: &[u8]) -> Result<Vec<u8>, String> {
    let segments = segments(elf)?;
    let base = segments
        .iter()
        .map(|s| s.physical)
        .min()
        .ok_or("kernel ELF: nothing to load")?;
    let mut image = Vec::new();
    for segment in segments {
        let at = (segment.physical - base) as usize;
        let bytes = elf.get(segment.offset..segment.offset + segment.size);
        let bytes = bytes.ok_or("kernel ELF: segment outside the file")?;
        if image.len() < at + bytes.len() {
            image.resize(at + bytes.len(), 0);
        }
        image[at..at + bytes.len()].copy_from_slice(bytes);
    }
    Ok(image)
}

/// A program without what the kernel's loader never reads: sections and debug
/// information lie behind the loaded bytes and would only fill the initrd.
fn loadable(mut elf: Vec<u8>) -> Result<Vec<u8>, String> {
    let end = segments(&elf)?
        .iter()
        .map(|s| s.offset + s.size)
        .max()
        .ok_or("program: nothing to load")?;
    elf.truncate(end);
    // e_shoff; e_shentsize, e_shnum and e_shstrndx
    elf[40..48].fill(0);
    elf[58..64].fill(0);
    Ok(elf)
}

struct Segment {
    physical: u64,
    offset: usize,
    size: usize,
}

fn segments(elf: &[u8]) -> Result<Vec<Segment>, String> {
    let describe = |e: object::Error| format!("ELF: {e}");
    let header = FileHeader64::<Endianness>::parse(elf).map_err(describe)?;
    let endian = header.endian().map_err(describe)?;
    if endian != Endianness::Little {
        return Err("ELF: big endian".into());
    }
    let headers = header.program_headers(endian, elf).map_err(describe)?;
    let loaded = headers
        .iter()
        .filter(|p| p.p_type(endian) == PT_LOAD && p.p_filesz(endian) > 0);
    Ok(loaded
        .map(|p| Segment {
            physical: p.p_paddr(endian),
            offset: p.p_offset(endian) as usize,
            size: p.p_filesz(endian) as usize,
        })
        .collect())
}

fn stamp(inputs: &Inputs) -> Result<String, String> {
    let tool = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut paths: Vec<PathBuf> = inputs.programs.iter().map(|p| p.path.clone()).collect();
    paths.sort();
    paths.extend([tool, inputs.kernel.to_owned()]);
    let mut stamp = format!("{}\n", inputs.profile);
    for path in paths {
        let data = fs::metadata(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let time = data
            .modified()
            .ok()
            .and_then(|t| t.duration_since(UNIX_EPOCH).ok());
        let nanoseconds = time.unwrap_or_default().as_nanos();
        stamp += &format!("{} {} {nanoseconds}\n", path.display(), data.len());
    }
    Ok(stamp)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn replace(path: &Path, content: &[u8]) -> Result<(), String> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let temporary = path.with_extension(format!("new{}", std::process::id()));
    let written = fs::write(&temporary, content).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|e| {
        let _ = fs::remove_file(&temporary);
        format!("{}: {e}", path.display())
    })
}
