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

enum class State { Ready, AtBlock, AtWarp, AtCluster, Done };

struct Coroutine {
    // In its block, and the block's in its cluster.
    unsigned number, rank;
    State state;
    unsigned exchanges, arrivals;
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

// Neither zeros nor what the last block left, and not a number.
constexpr unsigned char ANYTHING = 0xff;
constexpr size_t GUARD = 256;

// The shared memory of a block.
struct Memory {
    std::vector<unsigned char> bytes;
    unsigned char *base;

    explicit Memory(size_t shared) : bytes(shared + GUARD + 16, ANYTHING) {
        base = reinterpret_cast<unsigned char *>((uintptr_t(bytes.data()) + 15) & ~uintptr_t(15));
    }
};

// Blocks that run together, one after the other of a row of the grid; mostly one.
struct Cluster {
    std::vector<Coroutine> threads;
    unsigned blocks;
    std::vector<Memory> memory;
    Index first;
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

thread_local Cluster *cluster;

void run_thread() {
    cluster->call(cluster->arguments);
    cluster->running->state = State::Done;
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

void leave() { emulator_switch(&cluster->running->pointer, cluster->scheduler); }
void enter(Coroutine &thread) { emulator_switch(&cluster->scheduler, thread.pointer); }
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
void leave() { swapcontext(&cluster->running->context, &cluster->scheduler); }
void enter(Coroutine &thread) { swapcontext(&cluster->scheduler, &thread.context); }
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
        State other = cluster->threads[i].state;
        if (other != state && other != State::Done) return false;
        any |= other == state;
    }
    for (size_t i = first; i < end; i++) {
        if (cluster->threads[i].state == state) cluster->threads[i].state = State::Ready;
    }
    return any;
}

// Lets go of those that wait for an arrival that all of the cluster have made, or have ended before.
bool release_cluster() {
    bool any = false;
    for (auto &thread : cluster->threads) {
        if (thread.state != State::AtCluster) continue;
        bool have_come = true;
        for (auto &other : cluster->threads) {
            have_come &= other.state == State::Done || other.arrivals >= thread.arrivals;
        }
        if (have_come) thread.state = State::Ready;
        any |= have_come;
    }
    return any;
}

void run_cluster(uint64_t &random, const char *name) {
    size_t count = cluster->threads.size(), of_block = count / cluster->blocks;
    for (auto &thread : cluster->threads) {
        thread.state = State::Ready;
        thread.exchanges = 0;
        thread.arrivals = 0;
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
        Coroutine &thread = cluster->threads[at];
        if (thread.state != State::Ready) return false;
        cluster->running = &thread;
        block_index = Index{cluster->first.x + thread.rank, cluster->first.y, cluster->first.z};
        shared_memory = cluster->memory[thread.rank].base;
        enter(thread);
        return true;
    };
    // Blocks of a cluster are whole warps.
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
        for (size_t first = 0; first < count; first += of_block) {
            moved |= release(State::AtBlock, first, first + of_block);
        }
        moved |= release_cluster();
        for (auto &thread : cluster->threads) left |= thread.state != State::Done;
        if (!left) return;
        if (!moved) fail(std::string(name) + ": threads wait for each other at different barriers");
    }
}

}  // namespace

Registration::Registration(const char *name, unsigned threads, Call call, const size_t *sizes, size_t count) {
    kernels()[name] = Kernel{threads, call, sizes, count};
}

Index thread_index() { return Index{cluster->running->number, 0, 0}; }
unsigned lane() { return cluster->running->number % WARP; }

void sync_block() {
    cluster->running->state = State::AtBlock;
    leave();
}

void sync_warp() {
    cluster->running->state = State::AtWarp;
    leave();
}

unsigned cluster_blocks() { return cluster->blocks; }
unsigned cluster_rank() { return cluster->running->rank; }
void cluster_arrive() { cluster->running->arrivals++; }

void cluster_wait() {
    cluster->running->state = State::AtCluster;
    leave();
}

void *of_block(void *own, unsigned rank) {
    return cluster->memory[rank].base + (static_cast<unsigned char *>(own) - shared_memory);
}

const unsigned char *exchange(const void *own, size_t size) {
    if (size > SLOT) fail("a shuffle of more bytes than a slot has");
    Coroutine *thread = cluster->running;
    auto &slots = cluster->slots[thread->exchanges++ % 2];
    size_t number = thread - cluster->threads.data();
    memcpy(slots.data() + number * SLOT, own, size);
    thread->state = State::AtWarp;
    leave();
    return slots.data() + number / WARP * WARP * SLOT;
}

void copy_async(void *to, const void *from, bool there) {
    if (uintptr_t(to) % 16 != 0 || (there && uintptr_t(from) % 16 != 0)) fail("an unaligned copy of 16 bytes");
    memset(to, 0xff, 16);
    cluster->running->open.push_back(Copy{to, from, there});
}

void copies_end_group() {
    cluster->running->groups.push_back(std::move(cluster->running->open));
    cluster->running->open.clear();
}

void copies_wait(unsigned left) {
    auto &groups = cluster->running->groups;
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

// What is wrong with a launch, or null; so many blocks of a row of the grid are a cluster. `sizes` are those of the
// arguments as the caller has them.
extern "C" const char *emulator_launch(const char *name, const unsigned *grid, unsigned together, unsigned threads,
                                       unsigned shared, void *const *arguments, const size_t *sizes, size_t count) {
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
    if (together == 0 || together > 8 || grid[0] % together != 0) return "launched in clusters that a card has not";
    if (together > 1 && threads % WARP != 0) return "launched in clusters of blocks that are no whole warps";
    static thread_local std::map<std::pair<unsigned, unsigned>, std::unique_ptr<Cluster>> clusters;
    static thread_local uint64_t random = 42;
    std::unique_ptr<Cluster> &own = clusters[{threads, together}];
    if (own == nullptr) {
        own.reset(new Cluster());
        own->blocks = together;
        own->threads.resize(threads * together);
        for (unsigned i = 0; i < threads * together; i++) {
            own->threads[i].number = i % threads;
            own->threads[i].rank = i / threads;
            own->threads[i].stack.reset(new unsigned char[STACK]);
        }
        for (auto &slots : own->slots) slots.resize((threads * together + WARP) * SLOT);
    }
    cluster = own.get();
    cluster->call = kernel.call;
    cluster->arguments = arguments;
    cluster->memory.clear();
    for (unsigned i = 0; i < together; i++) cluster->memory.emplace_back(shared);
    block_size = Index{threads, 1, 1};
    grid_size = Index{grid[0], grid[1], grid[2]};
    for (unsigned z = 0; z < grid[2]; z++) {
        for (unsigned y = 0; y < grid[1]; y++) {
            for (unsigned x = 0; x < grid[0]; x += together) {
                for (auto &memory : cluster->memory) memset(memory.base, ANYTHING, shared + GUARD);
                cluster->first = Index{x, y, z};
                run_cluster(random, name);
                for (auto &memory : cluster->memory) {
                    for (size_t i = 0; i < GUARD; i++) {
                        if (memory.base[shared + i] != ANYTHING) return "wrote past its shared memory";
                    }
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
