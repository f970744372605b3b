#include "emulator.h"

#include <stdio.h>
#include <stdlib.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace emulator {

thread_local Index block_index, grid_size, block_size;
thread_local unsigned char *shared_memory;

namespace {

constexpr size_t STACK = 64 << 10;
constexpr unsigned WARP = 32;

[[noreturn]] void fail(const std::string &what) {
    fprintf(stderr, "emulated kernel: %s\n", what.c_str());
    abort();
}

struct Kernel {
    unsigned threads;
    Call call;
    const size_t *sizes;
    size_t count;
};

std::map<std::string, Kernel> &kernels() {
    static std::map<std::string, Kernel> all;
    return all;
}

struct Copy {
    void *to;
    const void *from;
    bool there;
};

enum class State { Ready, AtBlock, AtWarp, Done };

struct Coroutine {
    unsigned number;
    State state;
    unsigned exchanges;
    std::deque<std::vector<Copy>> groups;
    std::vector<Copy> open;
    // Not filled: of most of it nothing is ever used.
    std::unique_ptr<unsigned char[]> stack;
#if defined(__x86_64__)
    void *pointer;
#else
    ucontext_t context;
#endif
};

struct Block {
    std::vector<Coroutine> threads;
    Coroutine *running;
    Call call;
    void *const *arguments;
    // Two, since a lane may be one exchange ahead of another.
    std::vector<unsigned char> slots[2];
#if defined(__x86_64__)
    void *scheduler;
#else
    ucontext_t scheduler;
#endif
};

thread_local Block *block;

void run_thread() {
    block->call(block->arguments);
    block->running->state = State::Done;
}

#if defined(__x86_64__)
extern "C" void emulator_switch(void **from, void *to);
asm(R"(
.text
.globl emulator_switch
emulator_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");

void leave() { emulator_switch(&block->running->pointer, block->scheduler); }
void enter(Coroutine &thread) { emulator_switch(&block->scheduler, thread.pointer); }
void start() {
    run_thread();
    leave();
}
void prepare(Coroutine &thread) {
    auto top = reinterpret_cast<uintptr_t>(thread.stack.get() + STACK) & ~uintptr_t(15);
    auto stack = reinterpret_cast<void **>(top);
    *--stack = nullptr;
    *--stack = reinterpret_cast<void *>(&start);
    for (int i = 0; i < 6; i++) *--stack = nullptr;
    thread.pointer = stack;
}
#else
void leave() { swapcontext(&block->running->context, &block->scheduler); }
void enter(Coroutine &thread) { swapcontext(&block->scheduler, &thread.context); }
void start() {
    run_thread();
    leave();
}
void prepare(Coroutine &thread) {
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack.get();
    thread.context.uc_stack.ss_size = STACK;
    thread.context.uc_link = nullptr;
    makecontext(&thread.context, start, 0);
}
#endif

// Lets go of those that wait where all that are left have come.
bool release(State state, size_t first, size_t end) {
    bool any = false;
    for (size_t i = first; i < end; i++) {
        State other = block->threads[i].state;
        if (other != state && other != State::Done) return false;
        any |= other == state;
    }
    for (size_t i = first; i < end; i++) {
        if (block->threads[i].state == state) block->threads[i].state = State::Ready;
    }
    return any;
}

void run_block(uint64_t &random, const char *name) {
    size_t count = block->threads.size();
    for (auto &thread : block->threads) {
        thread.state = State::Ready;
        thread.exchanges = 0;
        thread.groups.clear();
        thread.open.clear();
        prepare(thread);
    }
    auto next_random = [&] { return random = random * 6364136223846793005u + 1442695040888963407u; };
    // Any step that has no factor in common with a power of two visits all.
    auto in_any_order = [&](size_t length, auto visit) {
        uint64_t bits = next_random();
        size_t offset = bits >> 40, step = (bits >> 33) | 1, around = 1;
        while (around < length) around *= 2;
        for (size_t i = 0; i < around; i++) {
            size_t at = (offset + i * step) % around;
            if (at < length) visit(at);
        }
    };
    auto run_if_ready = [&](size_t at) {
        if (block->threads[at].state != State::Ready) return false;
        block->running = &block->threads[at];
        enter(*block->running);
        return true;
    };
    auto end_of = [&](size_t first) { return first + WARP < count ? first + WARP : count; };
    for (;;) {
        bool moved = false, left = false;
        if (next_random() >> 63) {
            // All threads a little.
            in_any_order(count, [&](size_t at) { moved |= run_if_ready(at); });
            for (size_t first = 0; first < count; first += WARP) {
                moved |= release(State::AtWarp, first, end_of(first));
            }
        } else {
            // A warp as far as it comes, then the next.
            in_any_order((count + WARP - 1) / WARP, [&](size_t warp) {
                size_t first = warp * WARP;
                for (bool went = true; went; moved |= went) {
                    went = false;
                    in_any_order(end_of(first) - first, [&](size_t i) { went |= run_if_ready(first + i); });
                    went |= release(State::AtWarp, first, end_of(first));
                }
            });
        }
        moved |= release(State::AtBlock, 0, count);
        for (auto &thread : block->threads) left |= thread.state != State::Done;
        if (!left) return;
        if (!moved) fail(std::string(name) + ": threads wait for each other at different barriers");
    }
}

}  // namespace

Registration::Registration(const char *name, unsigned threads, Call call, const size_t *sizes, size_t count) {
    kernels()[name] = Kernel{threads, call, sizes, count};
}

Index thread_index() { return Index{block->running->number, 0, 0}; }
unsigned lane() { return block->running->number % WARP; }

void sync_block() {
    block->running->state = State::AtBlock;
    leave();
}

void sync_warp() {
    block->running->state = State::AtWarp;
    leave();
}

const unsigned char *exchange(const void *own, size_t size) {
    if (size > SLOT) fail("a shuffle of more bytes than a slot has");
    Coroutine *thread = block->running;
    auto &slots = block->slots[thread->exchanges++ % 2];
    memcpy(slots.data() + thread->number * SLOT, own, size);
    thread->state = State::AtWarp;
    leave();
    return slots.data() + thread->number / WARP * WARP * SLOT;
}

void copy_async(void *to, const void *from, bool there) {
    if (uintptr_t(to) % 16 != 0 || (there && uintptr_t(from) % 16 != 0)) fail("an unaligned copy of 16 bytes");
    memset(to, 0xff, 16);
    block->running->open.push_back(Copy{to, from, there});
}

void copies_end_group() {
    block->running->groups.push_back(std::move(block->running->open));
    block->running->open.clear();
}

void copies_wait(unsigned left) {
    auto &groups = block->running->groups;
    while (groups.size() > left) {
        for (const Copy &copy : groups.front()) {
            if (copy.there) {
                memcpy(copy.to, copy.from, 16);
            } else {
                memset(copy.to, 0, 16);
            }
        }
        groups.pop_front();
    }
}

}  // namespace emulator

using namespace emulator;

// What is wrong with a launch, or null. `sizes` are those of the arguments as the caller has them.
extern "C" const char *emulator_launch(const char *name, const unsigned *grid, unsigned threads, unsigned shared,
                                       void *const *arguments, const size_t *sizes, size_t count) {
    auto found = kernels().find(name);
    if (found == kernels().end()) return "no such kernel";
    const Kernel &kernel = found->second;
    if (kernel.threads != threads) return "launched with another number of threads than it is made for";
    if (kernel.count != count) return "launched with another number of arguments than it has";
    for (size_t i = 0; i < count; i++) {
        if (kernel.sizes[i] != sizes[i]) return "launched with an argument of another size";
    }
    if (grid[0] == 0 || grid[1] == 0 || grid[2] == 0) return "launched with an empty grid";
    if (grid[1] > 65535 || grid[2] > 65535) return "launched with more blocks than a card takes";
    static thread_local std::map<unsigned, std::unique_ptr<Block>> blocks;
    static thread_local uint64_t random = 42;
    std::unique_ptr<Block> &own = blocks[threads];
    if (own == nullptr) {
        own.reset(new Block());
        own->threads.resize(threads);
        for (unsigned i = 0; i < threads; i++) {
            own->threads[i].number = i;
            own->threads[i].stack.reset(new unsigned char[STACK]);
        }
        for (auto &slots : own->slots) slots.resize((threads + WARP) * SLOT);
    }
    constexpr size_t GUARD = 256;
    std::vector<unsigned char> memory(shared + GUARD + 16);
    block = own.get();
    block->call = kernel.call;
    block->arguments = arguments;
    block_size = Index{threads, 1, 1};
    grid_size = Index{grid[0], grid[1], grid[2]};
    auto base = reinterpret_cast<unsigned char *>((uintptr_t(memory.data()) + 15) & ~uintptr_t(15));
    shared_memory = base;
    for (unsigned z = 0; z < grid[2]; z++) {
        for (unsigned y = 0; y < grid[1]; y++) {
            for (unsigned x = 0; x < grid[0]; x++) {
                // Neither zeros nor what the last block left, and not a number.
                memset(base, 0xff, shared + GUARD);
                block_index = Index{x, y, z};
                run_block(random, name);
                for (size_t i = 0; i < GUARD; i++) {
                    if (base[shared + i] != 0xff) return "wrote past its shared memory";
                }
            }
        }
    }
    return nullptr;
}

// Threads per block that a kernel is made for; 0 if there is none of that name.
extern "C" unsigned emulator_threads(const char *name) {
    auto found = kernels().find(name);
    return found == kernels().end() ? 0 : found->second.threads;
}
