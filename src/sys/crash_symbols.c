/* Names for the addresses of a stack trace. The dynamic symbols that backtrace_symbols_fd knows leave out static
 * functions: the full table lies in the executable's file, which is mapped here and searched. Only system calls that
 * are safe in a signal handler. */
#include "sys/crash_impl.h"

#include "sys/crash.h"

#include <elf.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern const char __ehdr_start[] __attribute__((visibility("hidden"))); /* set by the linker: where we are loaded */

struct image {
    const char *bytes;
    size_t size;
};

static struct image image_map(void)
{
    struct image image = {NULL, 0};
    struct stat st;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return image;
    if (fstat(fd, &st) == 0 && (size_t)st.st_size >= sizeof(ElfW(Ehdr))) {
        void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes != MAP_FAILED) image = (struct image){bytes, (size_t)st.st_size};
    }
    close(fd);
    return image;
}

static bool inside(const struct image *image, uint64_t offset, uint64_t size)
{
    return offset <= image->size && size <= image->size - offset;
}

/* The section headers; NULL when they cannot be. */
static const ElfW(Shdr) * sections_of(const struct image *image, size_t *count)
{
    const ElfW(Ehdr) *header = (const void *)image->bytes;
    *count = header->e_shnum;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_shentsize != sizeof(ElfW(Shdr))) return NULL;
    if (!inside(image, header->e_shoff, *count * sizeof(ElfW(Shdr)))) return NULL;
    return (const void *)(image->bytes + header->e_shoff);
}

/* The name of the function at `at`, an address as linked; NULL when there is none. */
static const char *function_at(const struct image *image, uintptr_t at, uintptr_t *start)
{
    size_t count;
    const ElfW(Shdr) *sections = image->bytes ? sections_of(image, &count) : NULL;
    if (!sections) return NULL;
    for (size_t i = 0; i < count; i++) {
        const ElfW(Shdr) *table = &sections[i];
        if (table->sh_type != SHT_SYMTAB || table->sh_link >= count) continue;
        if (!inside(image, table->sh_offset, table->sh_size)) continue;
        const ElfW(Shdr) *names = &sections[table->sh_link];
        if (!inside(image, names->sh_offset, names->sh_size)) continue;
        const ElfW(Sym) *symbols = (const void *)(image->bytes + table->sh_offset);
        for (size_t k = 0; k < table->sh_size / sizeof(*symbols); k++) {
            const ElfW(Sym) *s = &symbols[k];
            if ((s->st_info & 15) != STT_FUNC || at < s->st_value || at - s->st_value >= s->st_size) continue;
            if (s->st_name >= names->sh_size) continue;
            *start = s->st_value;
            return image->bytes + names->sh_offset + s->st_name;
        }
    }
    return NULL;
}

void crash_print_frames(int fd, void *const *frames, int count)
{
    struct image image = image_map();
    const ElfW(Ehdr) *loaded = (const void *)__ehdr_start;
    uintptr_t bias = loaded->e_type == ET_DYN ? (uintptr_t)__ehdr_start : 0;
    for (int i = 0; i < count; i++) {
        /* A return address points behind the call, which may be the last instruction of its function. */
        uintptr_t address = (uintptr_t)frames[i], start;
        const char *name = address > bias ? function_at(&image, address - bias - 1, &start) : NULL;
        if (name) crash_print(fd, "%s+0x%lx [%p]\n", name, (unsigned long)(address - bias - start), frames[i]);
        else backtrace_symbols_fd(&frames[i], 1, fd);
    }
    if (image.bytes) munmap((void *)(uintptr_t)image.bytes, image.size);
}
