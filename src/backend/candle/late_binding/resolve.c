// Finds a function of one of NVIDIA's libraries when it is first called. The build defines FILES, the library's names,
// and MISSING, the status that every function returns where there is no such library, and writes NAMES.
#include <dlfcn.h>
#include <stddef.h>

static const char *const files[] = {FILES};
static const char *const names[] = {
#include NAMES
};

// Where each function is jumped to: what calls `resolve` at first.
extern void *TABLE[] __attribute__((visibility("hidden")));

static int missing(void) { return MISSING; }

__attribute__((visibility("hidden"))) void *RESOLVE(size_t index) {
    // Threads that race here open the same library once more, which changes nothing.
    static void *library;
    void *found = __atomic_load_n(&library, __ATOMIC_ACQUIRE);
    for (size_t i = 0; !found && i < sizeof files / sizeof *files; i++) {
        found = dlopen(files[i], RTLD_NOW | RTLD_LOCAL);
        __atomic_store_n(&library, found, __ATOMIC_RELEASE);
    }
    void *function = found ? dlsym(found, names[index]) : NULL;
    if (!function) {
        return (void *)missing;
    }
    __atomic_store_n(&TABLE[index], function, __ATOMIC_RELEASE);
    return function;
}
