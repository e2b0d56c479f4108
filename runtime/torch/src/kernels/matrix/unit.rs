//! The matrix unit of a processor (AMX): eight registers of 16 rows of 64 bytes, of which one instruction multiplies two and
//! adds to a third.

use std::arch::asm;
use std::marker::PhantomData;
use std::sync::LazyLock;

use super::pack::{BLOCK, TILE};

/// Rows and columns of what [`multiply`] makes: two tiles by two.
pub(crate) const SIDE: usize = 32;

/// Whether this process may use the unit. The kernel wants to be asked, as each thread that does needs 8 KiB more to be saved.
pub(crate) fn is_there() -> bool {
    static THERE: LazyLock<bool> = LazyLock::new(|| has_tiles() && permitted());
    *THERE
}

/// Tiles and products of bfloat16 numbers: leaf 7 of the manual's `CPUID`.
fn has_tiles() -> bool {
    use std::arch::is_x86_feature_detected as has;
    use std::arch::x86_64::{__cpuid, __cpuid_count};

    const BFLOAT16: u32 = 1 << 22;
    const TILES: u32 = 1 << 24;
    let leaf = 7;
    __cpuid(0).eax >= leaf
        && __cpuid_count(leaf, 0).edx & (BFLOAT16 | TILES) == BFLOAT16 | TILES
        && has!("avx512f")
        && has!("avx512bw")
}

/// Asks the kernel (`arch_prctl(2)`).
fn permitted() -> bool {
    const ARCH_PRCTL: i64 = 158;
    const REQUEST: i64 = 0x1023;
    const TILE_DATA: i64 = 18;
    let status: i64;
    // SAFETY: the call reads three numbers and writes no memory of ours.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => status,
            in("rdi") REQUEST,
            in("rsi") TILE_DATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    status == 0
}

/// This thread's use of the unit: its registers are given their shapes, and given back at the end.
pub(super) struct Unit(PhantomData<*const ()>);

/// Palette 1 of the manual: each register with its rows and the bytes of a row.
#[repr(C, align(64))]
struct Shapes {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes: [u16; 16],
    rows: [u8; 16],
}

/// Loads the two tiles of a piece, those of `a` into registers 4 and 5, those of `b` into 6 and 7.
macro_rules! load {
    (a, $first:literal) => {
        concat!(
            "tileloadd tmm4, [{a} + {row} + ",
            $first,
            "*{tile}]\n",
            "tileloadd tmm5, [{a} + {row} + ",
            $first,
            "*{tile} + {tile}]",
        )
    };
    (b, $first:literal) => {
        concat!(
            "tileloadd tmm6, [{b} + {row} + ",
            $first,
            "*{tile}]\n",
            "tileloadd tmm7, [{b} + {row} + ",
            $first,
            "*{tile} + {tile}]",
        )
    };
}

/// Adds the products of both with both.
macro_rules! products {
    () => {
        "tdpbf16ps tmm0, tmm4, tmm6
        tdpbf16ps tmm1, tmm4, tmm7
        tdpbf16ps tmm2, tmm5, tmm6
        tdpbf16ps tmm3, tmm5, tmm7"
    };
}

impl Unit {
    pub(super) fn enter() -> Self {
        assert!(is_there(), "internal: no matrix unit");
        let mut shapes = Shapes {
            palette: 1,
            start_row: 0,
            reserved: [0; 14],
            bytes: [0; 16],
            rows: [0; 16],
        };
        shapes.bytes[..8].fill(64);
        shapes.rows[..8].fill(16);
        // SAFETY: the processor has the instruction, and the shapes are such as it takes.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const shapes, options(nostack, readonly)) };
        Self(PhantomData)
    }

    /// The products of a strip of lines with another: `out[i * step + j]` becomes that of line `i` of `a` with line `j` of `b`, for
    /// 32 of each. `a` was packed by rows and `b` by columns, both as many blocks. Small products of a block come before large.
    ///
    /// # Safety
    /// Rows of 32 numbers may be written at `out`, each `step` numbers after the other.
    pub(super) unsafe fn multiply(&self, a: &[u8], b: &[u8], out: *mut f32, step: usize) {
        let blocks = a.len() / BLOCK;
        assert!(
            a.len() == b.len() && blocks * BLOCK == a.len() && blocks > 0,
            "internal: strips of different lengths"
        );
        // SAFETY: registers have their shapes while `self` lives; each block has six tiles in bounds; results are written where
        // the caller permits.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "2:",
                load!(a, 0),
                load!(b, 4),
                products!(),
                load!(b, 2),
                products!(),
                load!(a, 2),
                products!(),
                load!(b, 0),
                products!(),
                load!(a, 4),
                products!(),
                load!(a, 0),
                products!(),
                "add {a}, 6*{tile}",
                "add {b}, 6*{tile}",
                "dec {blocks}",
                "jnz 2b",
                "tilestored [{out} + {step}], tmm0",
                "tilestored [{out} + {step} + 64], tmm1",
                "tilestored [{lower} + {step}], tmm2",
                "tilestored [{lower} + {step} + 64], tmm3",
                tile = const TILE,
                row = in(reg) 64_usize,
                a = inout(reg) a.as_ptr() => _,
                b = inout(reg) b.as_ptr() => _,
                blocks = inout(reg) blocks => _,
                out = in(reg) out,
                lower = in(reg) out.wrapping_add(SIDE / 2 * step),
                step = in(reg) 4 * step,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        // SAFETY: the processor has the instruction; what is in the registers was written out.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}
