/* The directives of the process: daemon, log, folder, crash report, signals, the machine. */
#ifndef CAIRN_SERVER_SERVER_CONFIG_H
#define CAIRN_SERVER_SERVER_CONFIG_H

#include "engine/config.h"

extern const struct config_item server_config_items[];
extern const int server_config_item_count;

enum supervised_mode { SUPERVISED_NO, SUPERVISED_UPSTART, SUPERVISED_SYSTEMD, SUPERVISED_AUTO };
enum oom_score_mode { OOM_SCORE_NO, OOM_SCORE_RELATIVE, OOM_SCORE_ABSOLUTE };

/* oom-score-adj-values: of the primary, of replicas, of background children. */
enum { OOM_SCORE_VALUES = 3 };
void config_oom_score_values(struct config *c, int out[OOM_SCORE_VALUES]);

#endif
