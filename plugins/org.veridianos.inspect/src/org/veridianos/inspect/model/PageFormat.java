package org.veridianos.inspect.model;

import java.util.Locale;
import org.veridianos.machine.Architecture;

/**
 * Entries of page tables: four levels of 512 entries, 4 KiB pages.
 *
 * <p>Levels count from the leaf, 0 for 4 KiB pages to 3 for the top table. Sources: Intel SDM volume 3, 5.5 (4-level paging); Arm ARM
 * D8.3 (VMSAv8-64 stage 1, 4 KiB granule); RISC-V privileged architecture 12.5 (Sv48).
 */
public enum PageFormat {

    /** x86_64 with four levels. */
    X86_64 {
        @Override
        public boolean isPresent(long entry) {
            return (entry & 1) != 0;
        }

        @Override
        public boolean isLeaf(long entry, int level) {
            return level == 0 || level <= 2 && (entry & 1 << 7) != 0;
        }

        @Override
        public long address(long entry) {
            return entry & 0x000f_ffff_ffff_f000L;
        }

        @Override
        public Permissions permissions(long entry, int level) {
            return new Permissions(true, (entry & 2) != 0, entry >= 0, (entry & 4) != 0, (entry & 1 << 8) != 0, (entry & 1 << 4) != 0);
        }

        @Override
        public Permissions restrict(Permissions above, long entry) {
            return new Permissions(true, above.write() && (entry & 2) != 0, above.execute() && entry >= 0, above.user() && (entry & 4) != 0, false, false);
        }

        @Override
        public boolean isAccessed(long entry) {
            return (entry & 1 << 5) != 0;
        }

        @Override
        public boolean isDirty(long entry) {
            return (entry & 1 << 6) != 0;
        }

        @Override
        public long table(long register) {
            return register & 0x000f_ffff_ffff_f000L;
        }

        @Override
        public int identifier(long register) {
            return (int) (register & 0xfff);
        }

        @Override
        public String register() {
            return "CR3";
        }
    },

    /** AArch64, 4 KiB granule, 48-bit addresses. */
    AARCH64 {
        @Override
        public boolean isPresent(long entry) {
            return (entry & 1) != 0;
        }

        @Override
        public boolean isLeaf(long entry, int level) {
            return level == 0 || level <= 2 && (entry & 2) == 0;
        }

        @Override
        public long address(long entry) {
            return entry & 0x0000_ffff_ffff_f000L;
        }

        @Override
        public Permissions permissions(long entry, int level) {
            boolean user = (entry & 1 << 6) != 0;
            boolean execute = (entry & (user ? 1L << 54 : 1L << 53)) == 0;
            return new Permissions(true, (entry & 1 << 7) == 0, execute, user, (entry & 1 << 11) == 0, (entry >> 2 & 7) == 1);
        }

        @Override
        public Permissions restrict(Permissions above, long entry) {
            return new Permissions(true, above.write() && (entry & 1L << 62) == 0, above.execute() && (entry & (above.user() ? 1L << 60 : 1L << 59)) == 0,
                    above.user() && (entry & 1L << 61) == 0, false, false);
        }

        @Override
        public boolean isAccessed(long entry) {
            return (entry & 1 << 10) != 0;
        }

        @Override
        public boolean isDirty(long entry) {
            // Without hardware dirty state (FEAT_HAFDBS, not used by the kernel) a writable page counts as written.
            return (entry & 1 << 7) == 0;
        }

        @Override
        public long table(long register) {
            return register & 0x0000_ffff_ffff_f000L;
        }

        @Override
        public int identifier(long register) {
            return (int) (register >>> 48);
        }

        @Override
        public String register() {
            return "TTBR0";
        }
    },

    /** RISC-V Sv48. */
    RISCV64 {
        @Override
        public boolean isPresent(long entry) {
            return (entry & 1) != 0;
        }

        @Override
        public boolean isLeaf(long entry, int level) {
            return (entry & 0xe) != 0;
        }

        @Override
        public long address(long entry) {
            return (entry >>> 10 & (1L << 44) - 1) << 12;
        }

        @Override
        public Permissions permissions(long entry, int level) {
            return new Permissions((entry & 2) != 0, (entry & 4) != 0, (entry & 8) != 0, (entry & 16) != 0, (entry & 32) != 0, (entry >>> 61 & 3) == 2);
        }

        @Override
        public Permissions restrict(Permissions above, long entry) {
            return above;
        }

        @Override
        public boolean isAccessed(long entry) {
            return (entry & 1 << 6) != 0;
        }

        @Override
        public boolean isDirty(long entry) {
            return (entry & 1 << 7) != 0;
        }

        @Override
        public long table(long register) {
            return (register & (1L << 44) - 1) << 12;
        }

        @Override
        public int identifier(long register) {
            return (int) (register >>> 44 & 0xffff);
        }

        @Override
        public String register() {
            return "satp";
        }
    };

    /** Level of the top table. */
    public static final int TOP = 3;
    /** Entries of a table. */
    public static final int ENTRIES = 512;

    /** The format of an architecture. */
    public static PageFormat of(Architecture architecture) {
        return valueOf(architecture.id().toUpperCase(Locale.ROOT));
    }

    /** Bytes that an entry of a level covers. */
    public static long size(int level) {
        return 4096L << 9 * level;
    }

    /** Which entry of a table of a level an address goes through. */
    public static int index(long virtual, int level) {
        return (int) (virtual >>> 12 + 9 * level & 511);
    }

    /** The address with the upper bits that 48-bit addresses must have. */
    public static long canonical(long virtual) {
        return virtual << 16 >> 16;
    }

    /** Whether the hardware uses the entry. */
    public abstract boolean isPresent(long entry);

    /** Whether an entry that is present maps a page rather than leads to a table. */
    public abstract boolean isLeaf(long entry, int level);

    /** The page or table. */
    public abstract long address(long entry);

    /** What a leaf allows by itself. */
    public abstract Permissions permissions(long entry, int level);

    /** What is left of {@code above} below a table entry: some architectures restrict there too. */
    public abstract Permissions restrict(Permissions above, long entry);

    /** Whether the page was used. */
    public abstract boolean isAccessed(long entry);

    /** Whether the page was written. */
    public abstract boolean isDirty(long entry);

    /** Physical address of the top table that an address-space register names. */
    public abstract long table(long register);

    /** The address-space identifier in the register. */
    public abstract int identifier(long register);

    /** What the register is called. */
    public abstract String register();
}
