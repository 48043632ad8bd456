//! The allocator of the components. Memory that is given back is overwritten, so that a credential is
//! gone from a component's memory once nothing holds it: whatever copies were made of it, by whom, and
//! in which buffer they travelled.

#![allow(unsafe_code, reason = "an allocator hands out raw memory")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr;

use talc::base::Talc;
use talc::source::Source;
use talc::wasm::{WasmBinning, WasmGrowAndExtend};

/// The allocator of a component: it takes memory from the end of the component's own.
pub type ComponentAllocator = Overwriting<WasmGrowAndExtend>;

/// The allocator of a component without anything allocated.
pub const fn component_allocator() -> ComponentAllocator {
    Overwriting(UnsafeCell::new(Talc::new(WasmGrowAndExtend::new())))
}

/// An allocator that overwrites what is given back. For one thread.
pub struct Overwriting<S: Source>(UnsafeCell<Talc<S, WasmBinning>>);

// SAFETY: a component has one thread; on any other target there is no static of this type.
unsafe impl<S: Source> Sync for Overwriting<S> {}

// SAFETY: each method passes on what its caller vouches for, and no reference to the `Talc` outlives
// one of them, as `Source` never comes back here.
unsafe impl<S: Source> GlobalAlloc for Overwriting<S> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let talc = unsafe { &mut *self.0.get() };
        unsafe { talc.allocate(layout) }.map_or(ptr::null_mut(), ptr::NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { overwrite(block, layout.size()) };
        let talc = unsafe { &mut *self.0.get() };
        unsafe { talc.deallocate(block, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if new_size < layout.size() {
            unsafe { overwrite(block.add(new_size), layout.size() - new_size) };
        }
        {
            let talc = unsafe { &mut *self.0.get() };
            if unsafe { talc.try_realloc_in_place(block, layout, new_size) } {
                return block;
            }
        }
        // Only growing may fail to be done in place.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        let new_block = unsafe { self.alloc(new_layout) };
        if !new_block.is_null() {
            unsafe {
                ptr::copy_nonoverlapping(block, new_block, layout.size());
                self.dealloc(block, layout);
            }
        }
        new_block
    }
}

/// What is overwritten byte by byte: to begin with `memory.fill` takes longer than that.
const SMALL: usize = 64;

unsafe fn overwrite(start: *mut u8, size: usize) {
    if size > SMALL {
        unsafe { ptr::write_bytes(start, 0, size) };
        return;
    }
    // Volatile, or a compiler would make `memory.fill` of it.
    let mut at = 0;
    while at + size_of::<u64>() <= size {
        unsafe { ptr::write_volatile(start.add(at).cast::<[u8; 8]>(), [0; 8]) };
        at += size_of::<u64>();
    }
    while at < size {
        unsafe { ptr::write_volatile(start.add(at), 0) };
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use talc::source::Claim;

    use super::*;

    const SECRET: u8 = 0xA5;

    /// What `work` leaves behind in the memory that it allocates from.
    fn left_behind(work: impl FnOnce(&Overwriting<Claim>)) -> usize {
        let mut memory = vec![0_u8; 1 << 20];
        let (start, size) = (memory.as_mut_ptr(), memory.len());
        let allocator = Overwriting(UnsafeCell::new(Talc::new(unsafe {
            Claim::new(start, size)
        })));
        work(&allocator);
        drop(allocator);
        memory
            .windows(4)
            .filter(|bytes| *bytes == [SECRET; 4])
            .count()
    }

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 1).unwrap()
    }

    fn filled(allocator: &Overwriting<Claim>, size: usize) -> *mut u8 {
        let block = unsafe { allocator.alloc(layout(size)) };
        assert!(!block.is_null());
        unsafe { ptr::write_bytes(block, SECRET, size) };
        block
    }

    #[test]
    fn what_is_held_is_found() {
        assert!(left_behind(|allocator| _ = filled(allocator, 100)) > 0);
    }

    #[test]
    fn nothing_is_left_of_what_was_given_back() {
        for size in [4, 7, 8, 9, 63, 64, 65, 100, 4096, 100_000] {
            let left = left_behind(|allocator| {
                let block = filled(allocator, size);
                unsafe { allocator.dealloc(block, layout(size)) };
            });
            assert_eq!(left, 0, "{size}");
        }
    }

    #[test]
    fn nothing_is_left_of_what_was_moved_or_cut_off() {
        for (before, after) in [(100, 5_000), (5_000, 100), (40, 20_000), (9, 4)] {
            let left = left_behind(|allocator| {
                let block = filled(allocator, before);
                // In the way, so that it can't grow in place.
                let next = unsafe { allocator.alloc(layout(64)) };
                assert!(!next.is_null());
                let moved = unsafe { allocator.realloc(block, layout(before), after) };
                assert!(!moved.is_null());
                let kept = before.min(after);
                let bytes = unsafe { std::slice::from_raw_parts(moved, kept) };
                assert!(bytes.iter().all(|byte| *byte == SECRET));
                unsafe { ptr::write_bytes(moved, 0, kept) };
            });
            assert_eq!(left, 0, "{before} {after}");
        }
    }
}
