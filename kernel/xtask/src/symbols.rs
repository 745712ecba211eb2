//! The compact symbol table that the kernel's backtraces use.
//!
//! QEMU's loaders put no ELF symbols into memory, so the build packs the
//! functions into a file `symbols` of the initrd. This is the one description
//! of its format; `kernel/src/symbols.rs` reads it. Little endian throughout:
//!
//! | offset | size | what |
//! |---|---|---|
//! | 0  | 8  | magic `VSYMTAB1` |
//! | 8  | 4  | `count`: number of entries |
//! | 12 | 4  | `strings`: size of the string table in bytes |
//! | 16 | 8  | `base`: address that offsets count from |
//! | 24 | 4  | length of the build id, at most 32 |
//! | 28 | 4  | zero |
//! | 32 | 32 | build id (contents of the ELF's GNU build id note), zero padded |
//! | 64 | 4 × count | `offset`: where each function begins, from `base`, ascending, no duplicates |
//! | …  | 4 × count | `name`: offset of its name in the string table |
//! | …  | strings | names: demangled, without hash, UTF-8, each ended by NUL |
//!
//! The last entry is the end of the text and has the empty name: an address
//! at or behind it, or below the first entry, belongs to no function. The
//! kernel uses the table only when the build id equals its own.

use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection, ObjectSymbol, SectionFlags, SymbolKind};

const MAGIC: &[u8; 8] = b"VSYMTAB1";
const BUILD_ID_MAX: usize = 32;

/// Packs the functions of a linked kernel.
pub fn pack(elf: &[u8]) -> Result<Vec<u8>, String> {
    let file = ElfFile64::<Endianness>::parse(elf).map_err(|e| format!("kernel ELF: {e}"))?;
    let id = build_id(&file)?;
    let executable = |section: &object::read::elf::ElfSection64<'_, '_, Endianness>| {
        let exec = u64::from(object::elf::SHF_EXECINSTR);
        matches!(section.flags(), SectionFlags::Elf { sh_flags } if sh_flags & exec != 0)
    };
    // Bootstrap code that runs at physical addresses lies below the upper half.
    let text: Vec<_> = file
        .sections()
        .filter(|s| executable(s) && s.address() >> 63 == 1)
        .map(|s| s.address()..s.address() + s.size())
        .collect();
    let base = text
        .iter()
        .map(|r| r.start)
        .min()
        .ok_or("kernel ELF: no text section")?;
    let end = text.iter().map(|r| r.end).max().unwrap_or(base);

    let mut functions = Vec::new();
    for symbol in file.symbols() {
        let name = symbol.name().unwrap_or("");
        let code = matches!(
            symbol.kind(),
            SymbolKind::Text | SymbolKind::Label | SymbolKind::Unknown
        );
        let internal = name.is_empty() || name.starts_with(['$', '.']);
        if code && !internal && text.iter().any(|r| r.contains(&symbol.address())) {
            let rank = (symbol.kind() != SymbolKind::Text, !symbol.is_global());
            functions.push((
                symbol.address(),
                rank,
                format!("{:#}", rustc_demangle::demangle(name)),
            ));
        }
    }
    functions.sort();
    functions.dedup_by_key(|f| f.0);
    functions.push((end, (true, true), String::new()));
    Ok(encode(
        base,
        id,
        &functions
            .iter()
            .map(|f| (f.0, f.2.as_str()))
            .collect::<Vec<_>>(),
    ))
}

/// The GNU build id of a linked kernel in hexadecimal.
pub fn build_id_text(elf: &[u8]) -> Result<String, String> {
    let file = ElfFile64::<Endianness>::parse(elf).map_err(|e| format!("kernel ELF: {e}"))?;
    Ok(build_id(&file)?
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

fn build_id<'a>(file: &ElfFile64<'a, Endianness>) -> Result<&'a [u8], String> {
    match file.build_id() {
        Ok(Some(id)) if id.len() <= BUILD_ID_MAX => Ok(id),
        Ok(Some(_)) => Err("kernel ELF: build id longer than 32 bytes".into()),
        Ok(None) => Err("kernel ELF has no build id: is it linked with --build-id?".into()),
        Err(e) => Err(format!("kernel ELF: {e}")),
    }
}

fn encode(base: u64, id: &[u8], functions: &[(u64, &str)]) -> Vec<u8> {
    let mut offsets = Vec::new();
    let mut names = Vec::new();
    let mut strings = Vec::new();
    for (address, name) in functions {
        offsets.extend_from_slice(&((address - base) as u32).to_le_bytes());
        names.extend_from_slice(&(strings.len() as u32).to_le_bytes());
        strings.extend_from_slice(name.as_bytes());
        strings.push(0);
    }
    let mut table = Vec::new();
    table.extend_from_slice(MAGIC);
    table.extend_from_slice(&(functions.len() as u32).to_le_bytes());
    table.extend_from_slice(&(strings.len() as u32).to_le_bytes());
    table.extend_from_slice(&base.to_le_bytes());
    table.extend_from_slice(&(id.len() as u32).to_le_bytes());
    table.extend_from_slice(&[0; 4]);
    table.extend_from_slice(id);
    table.resize(32 + BUILD_ID_MAX, 0);
    table.extend_from_slice(&offsets);
    table.extend_from_slice(&names);
    table.extend_from_slice(&strings);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_as_documented() {
        let base = 0xffff_ffff_8000_0000;
        let table = encode(
            base,
            &[7; 20],
            &[(base, "a"), (base + 0x40, "b::c"), (base + 0x100, "")],
        );
        assert_eq!(&table[..8], MAGIC);
        assert_eq!(table[8..16], [3, 0, 0, 0, 8, 0, 0, 0]);
        assert_eq!(table[16..24], base.to_le_bytes());
        assert_eq!(table[24..28], [20, 0, 0, 0]);
        assert_eq!(table[32..52], [7; 20]);
        assert_eq!(table[52..64], [0; 12]);
        assert_eq!(table[64..76], [0, 0, 0, 0, 0x40, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(table[76..88], [0, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0]);
        assert_eq!(&table[88..], b"a\0b::c\0\0");
    }
}
