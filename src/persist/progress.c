/* The estimate takes what is left to go on at the pace of what is done, which is known after some seconds only. */
#include "persist/progress.h"

#include "base/log.h"

void progress_begin(struct progress *p, uint64_t mono_us)
{
    p->start_us = p->told_us = mono_us;
}

bool progress_due(struct progress *p, uint64_t mono_us, uint64_t done, uint64_t total, struct progress_text *out)
{
    if (mono_us - p->told_us < PROGRESS_EVERY_US) return false;
    double seconds = (double)(mono_us - p->start_us) / 1e6;
    double part = total == 0 ? 0 : (double)done / (double)total;
    p->told_us = mono_us;
    out->percent = part * 100;
    out->seconds_left = part > 0 && part < 1 ? seconds / part - seconds : 0;
    return true;
}

void progress_log_keys(struct logger *log, const char *what, uint64_t keys, uint64_t total,
                       const struct progress_text *text)
{
    log_notice(log, "%s: %.0f%% (%llu of %llu keys), about %.0f seconds left", what, text->percent,
               (unsigned long long)keys, (unsigned long long)total, text->seconds_left);
}
