/* Values of the engine's own directives that other folders need in another form than the registry has them. */
#ifndef CAIRN_ENGINE_ENGINE_CONFIG_H
#define CAIRN_ENGINE_ENGINE_CONFIG_H

struct config;

enum { LATENCY_PERCENTILES_MAX = 64 };

/* enable-debug-command, enable-module-command, enable-protected-configs */
enum enable_for { ENABLE_NO, ENABLE_YES, ENABLE_LOCAL };

/* latency-tracking-info-percentiles; returns how many there are. */
int config_latency_percentiles(struct config *c, double out[LATENCY_PERCENTILES_MAX]);

#endif
