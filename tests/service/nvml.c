// Stands in for NVIDIA's management library, with two cards of which everything is known:
//
//   cc -shared -fPIC -o libnvidia-ml.so.1 nvml.c
//
// NVML_SLEEP is for how many seconds it thinks before it tells how much a card computes.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3 };
#define GIB (1ULL << 30)

struct utilization { unsigned gpu, memory; };
struct memory { unsigned version; unsigned long long total, reserved, free, used; };
struct card { const char *uuid, *name; struct utilization busy; unsigned long long total, used; unsigned milliwatts; };

static struct card cards[] = {
    {"GPU-11111111-2222-3333-4444-555555555555", "NVIDIA H200", {73, 40}, 141 * GIB, 138 * GIB, 512250},
    {"GPU-66666666-7777-8888-9999-000000000000", "NVIDIA H200", {5, 1}, 141 * GIB, 2 * GIB, 0},
};

int nvmlInit_v2(void) { return OK; }
int nvmlShutdown(void) { return OK; }

int nvmlDeviceGetCount_v2(unsigned *count) {
    *count = sizeof cards / sizeof *cards;
    return OK;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct card **card) {
    if (index >= sizeof cards / sizeof *cards) return INVALID_ARGUMENT;
    *card = &cards[index];
    return OK;
}

int nvmlDeviceGetUUID(struct card *card, char *text, unsigned length) {
    strncpy(text, card->uuid, length);
    return OK;
}

int nvmlDeviceGetName(struct card *card, char *text, unsigned length) {
    strncpy(text, card->name, length);
    return OK;
}

int nvmlDeviceGetUtilizationRates(struct card *card, struct utilization *busy) {
    const char *seconds = getenv("NVML_SLEEP");
    if (seconds) sleep((unsigned)atoi(seconds));
    *busy = card->busy;
    return OK;
}

int nvmlDeviceGetMemoryInfo_v2(struct card *card, struct memory *memory) {
    memory->total = card->total;
    memory->used = card->used;
    memory->free = card->total - card->used;
    return OK;
}

// The second card does not tell.
int nvmlDeviceGetPowerUsage(struct card *card, unsigned *milliwatts) {
    *milliwatts = card->milliwatts;
    return card->milliwatts ? OK : NOT_SUPPORTED;
}
