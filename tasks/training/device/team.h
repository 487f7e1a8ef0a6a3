/* Whole trainings, a network a team of threads: for networks whose parameters no thread's registers can hold.

   A thread of the team computes, of each layer, some units times four rows, and owns the moments of some units times
   some of their weights. Weights and activations lie in shared memory: those of a unit for 16 rows behind one another,
   read four at a time. Every sum runs over its index in ascending order, as in the engine lanes. */

#if TEAM > 1

#define UNIT_GROUPS (TEAM / 4)
#define PIECE 16  /* rows at a time, four of each of four threads */
#define PIECES (N_ROWS / PIECE)
#define SOME ((WIDTH + UNIT_GROUPS - 1) / UNIT_GROUPS)  /* units of a thread */
#define PADDED (SOME * UNIT_GROUPS)                      /* units with those of zeros at the end */
#define WHOLE (SOME / 4 * 4)
#define ROUNDED(n) (((n) + 3) / 4 * 4)

/* Of layer 0, of the other hidden ones, and of the output: the place of the bias in a row of weights, numbers from
   one row to the next, columns of a thread, and where its numbers begin. */
#define BIAS_AT(layer) ((layer) == 0 ? N_INPUTS : PADDED)
#define ROW_OF(layer) (COLUMNS(layer) * ((layer) == DEPTH ? TEAM : 4))
#define COLUMNS(layer) (((layer) == DEPTH ? BIAS_AT(layer) / TEAM : BIAS_AT(layer) / 4) + 1)
#define MOST_COLUMNS (COLUMNS(0) > COLUMNS(1) ? COLUMNS(0) : COLUMNS(1))
#define WEIGHTS_AT(layer) ((layer) == 0 ? 0 : PADDED * (ROW_OF(0) + ((layer) - 1) * ROW_OF(1)))
#define OWN_AT(layer) ((layer) == 0 ? 0 : SOME * (COLUMNS(0) + ((layer) - 1) * COLUMNS(1)))
#define OWN (OWN_AT(DEPTH) + COLUMNS(DEPTH))
#define ROWS_AT(layer) ((layer) == 0 ? 0 : PIECE * (N_INPUTS + 1 + ((layer) - 1) * (PADDED + 1)))

/* Shared memory of a team, in floats; teams of a warp begin in different banks. */
#define HIDDEN_AT (WEIGHTS_AT(DEPTH) + ROW_OF(DEPTH))
#define SLOPES_AT (HIDDEN_AT + ROWS_AT(DEPTH + 1))
#define TARGETS_AT (SLOPES_AT + PIECE)
#define SEEN_AT (TARGETS_AT + PIECE)
#define TEAM_FLOATS ((SEEN_AT + ROUNDED(TEAM) + 23) / 32 * 32 + 8)
/* Moments that a thread keeps in registers, which need room for the gradient too where it grows piece by piece. */
#define MOST_KEPT (PIECES == 1 ? 56 : 36)
#define KEPT (OWN < MOST_KEPT ? OWN : MOST_KEPT)
#define MOMENTS_AT (BLOCK / TEAM * TEAM_FLOATS)
#define SHARED_FLOATS (MOMENTS_AT + 2 * (OWN - KEPT) * BLOCK)

/* Unit number `j` of a thread: four that follow one another, and again, then what is left. */
#define UNIT(group, j) \
    ((j) < WHOLE ? (j) / 4 * 4 * UNIT_GROUPS + 4 * (group) + (j) % 4 \
                 : WHOLE * UNIT_GROUPS + (group) * (SOME - WHOLE) + (j) - WHOLE)

struct Place {
    int thread, units, rows;  /* in the team; group of units, and of rows */
    float leak;
    SHARED float *w, *hidden, *moments;
};

/* The place of a stored parameter in shared memory, or -1 of one of units of zeros. */
FUNCTION int place_of(int i) {
    const int first = WIDTH * (N_INPUTS + 1), others = WIDTH * (WIDTH + 1);
    int layer = i < first ? 0 : 1 + (i - first) / others;
    int inside = i < first ? i : (i - first) % others, fan_in = layer == 0 ? N_INPUTS : WIDTH;
    int unit = inside / (fan_in + 1), column = inside % (fan_in + 1);
    if (unit >= N_SUMS(layer) || (column >= FAN_IN(layer) && column < fan_in)) return -1;
    return WEIGHTS_AT(layer) + unit * ROW_OF(layer) + (column == fan_in ? BIAS_AT(layer) : column);
}

/* Stores the parameters of a team. */
FUNCTION void keep(GLOBAL float *stored, SHARED float *w, int thread) {
    LOOP
    for (int i = thread; i < N_STORED; i += TEAM) {
        int place = place_of(i);
        STORE_ONCE(stored + i, place < 0 ? 0.0f : w[place]);
    }
}

/* The four rows of a thread, of an activation or an error. */
FUNCTION float4 rows_of(const struct Place *here, int layer, int unit) {
    return LOAD4(here->hidden + ROWS_AT(layer) + unit * PIECE + 4 * here->rows);
}

FUNCTION void multiply_add(float *sums, float4 x, float w) {
    sums[0] = FMA(x.x, w, sums[0]);
    sums[1] = FMA(x.y, w, sums[1]);
    sums[2] = FMA(x.z, w, sums[2]);
    sums[3] = FMA(x.w, w, sums[3]);
}

FUNCTION void forward_layer(const struct Place *here, int layer) {
    SHARED float *w = here->w + WEIGHTS_AT(layer);
    const int fan_in = FAN_IN(layer);
    float z[SOME][4];
    UNROLL_ALL
    for (int j = 0; j < SOME; ++j)
        z[j][0] = z[j][1] = z[j][2] = z[j][3] = w[UNIT(here->units, j) * ROW_OF(layer) + BIAS_AT(layer)];
    UNROLL_ALL
    for (int first = 0; first < fan_in; first += 4) {
        float4 x[4];
        UNROLL_ALL
        for (int i = 0; i < 4; ++i)
            if (first + i < fan_in) x[i] = rows_of(here, layer, first + i);
        UNROLL_ALL
        for (int j = 0; j < SOME; ++j) {
            float4 row = LOAD4(w + UNIT(here->units, j) * ROW_OF(layer) + first);
            multiply_add(z[j], x[0], row.x);
            if (first + 1 < fan_in) multiply_add(z[j], x[1], row.y);
            if (first + 2 < fan_in) multiply_add(z[j], x[2], row.z);
            if (first + 3 < fan_in) multiply_add(z[j], x[3], row.w);
        }
    }
    UNROLL_ALL
    for (int j = 0; j < SOME; ++j) {
        UNROLL_ALL
        for (int r = 0; r < 4; ++r) z[j][r] = LARGER_NUMBER(z[j][r], z[j][r] * here->leak);
        STORE4(here->hidden + ROWS_AT(layer + 1) + UNIT(here->units, j) * PIECE + 4 * here->rows, z[j]);
    }
}

/* The output of a row. */
FUNCTION float output_of(const struct Place *here, int row) {
    SHARED float *w = here->w + WEIGHTS_AT(DEPTH), *h = here->hidden + ROWS_AT(DEPTH) + row;
    float sum = w[PADDED];
    UNROLL_ALL
    for (int i = 0; i < FAN_IN(DEPTH); ++i) sum = FMA(h[i * PIECE], w[i], sum);
    return sum;
}

/* Puts the errors of the sums of a thread's units in a hidden layer, counted from 1, into the place of activations. */
FUNCTION void return_errors(const struct Place *here, int layer) {
    SHARED float *w = here->w + WEIGHTS_AT(layer);
    float below[SOME][4];
    UNROLL_ALL
    for (int j = 0; j < SOME; ++j) below[j][0] = below[j][1] = below[j][2] = below[j][3] = 0.0f;
    UNROLL_ALL
    for (int u = 0; u < N_SUMS(layer); ++u) {
        float4 error = layer == DEPTH ? LOAD4(here->w + SLOPES_AT + 4 * here->rows) : rows_of(here, layer + 1, u);
        UNROLL_ALL
        for (int j = 0; j < WHOLE; j += 4) {
            float4 row = LOAD4(w + u * ROW_OF(layer) + UNIT(here->units, j));
            multiply_add(below[j], error, row.x);
            multiply_add(below[j + 1], error, row.y);
            multiply_add(below[j + 2], error, row.z);
            multiply_add(below[j + 3], error, row.w);
        }
        UNROLL_ALL
        for (int j = WHOLE; j < SOME; ++j) multiply_add(below[j], error, w[u * ROW_OF(layer) + UNIT(here->units, j)]);
    }
    UNROLL_ALL
    for (int j = 0; j < SOME; ++j) {
        SHARED float *place = here->hidden + ROWS_AT(layer) + UNIT(here->units, j) * PIECE + 4 * here->rows;
        float4 h = LOAD4(place);
        below[j][0] = gated_of(below[j][0], h.x, here->leak);
        below[j][1] = gated_of(below[j][1], h.y, here->leak);
        below[j][2] = gated_of(below[j][2], h.z, here->leak);
        below[j][3] = gated_of(below[j][3], h.w, here->leak);
        STORE4(place, below[j]);
    }
}

FUNCTION float add_products(float sum, float4 a, float4 b) {
    return FMA(a.w, b.w, FMA(a.z, b.z, FMA(a.y, b.y, FMA(a.x, b.x, sum))));
}

/* The column of a row of weights that is a thread's. */
FUNCTION int column_of(const struct Place *here, int layer, int c) {
    return layer == DEPTH ? here->thread + TEAM * c : here->rows + 4 * c;
}

/* Adds rows to the sums of a thread's part of a layer's gradient; columns behind the bias get anything. */
FUNCTION void outer_of(const struct Place *here, int layer, float *g) {
    SHARED float *h = here->hidden + ROWS_AT(layer);
    UNROLL_ALL
    for (int row = 0; row < PIECE; row += 4) {
        float4 x[MOST_COLUMNS];
        UNROLL_ALL
        for (int c = 0; c < COLUMNS(layer); ++c) {
            int column = column_of(here, layer, c);
            x[c] = LOAD4(h + (layer == DEPTH && column > PADDED ? PADDED : column) * PIECE + row);
        }
        UNROLL_ALL
        for (int j = 0; j < (layer == DEPTH ? 1 : SOME); ++j) {
            float4 error = layer == DEPTH ? LOAD4(here->w + SLOPES_AT + row)
                           : LOAD4(here->hidden + ROWS_AT(layer + 1) + UNIT(here->units, j) * PIECE + row);
            UNROLL_ALL
            for (int c = 0; c < COLUMNS(layer); ++c)
                g[j * COLUMNS(layer) + c] = add_products(g[j * COLUMNS(layer) + c], error, x[c]);
        }
    }
}

FUNCTION void update_layer(const struct Place *here, int layer, const float *g, float *first, float *second, float step,
                           float epsilon) {
    UNROLL_ALL
    for (int j = 0; j < (layer == DEPTH ? 1 : SOME); ++j) {
        SHARED float *row = here->w + WEIGHTS_AT(layer) + (layer == DEPTH ? 0 : UNIT(here->units, j) * ROW_OF(layer));
        UNROLL_ALL
        for (int c = 0; c < COLUMNS(layer); ++c) {
            int i = OWN_AT(layer) + j * COLUMNS(layer) + c, column = column_of(here, layer, c);
            SHARED float *m = here->moments + 2 * (i - KEPT) * BLOCK, *v = m + BLOCK;
            float weight = row[column];
            if (i < KEPT) {
                update_one(g[i], &weight, first + i, second + i, step, epsilon);
            } else {
                float own_m = *m, own_v = *v;
                update_one(g[i], &weight, &own_m, &own_v, step, epsilon);
                *m = own_m;
                *v = own_v;
            }
            row[column] = weight;
        }
    }
}

/* Puts rows of inputs where the first layer takes them. */
FUNCTION void read_rows(const struct Place *here, int thread, CONST_GLOBAL float *inputs) {
    for (int i = thread; i < PIECE * N_INPUTS; i += TEAM)
        here->hidden[i % N_INPUTS * PIECE + i / N_INPUTS] = inputs[i];
}

/* Takes rows through the layers, counts the wrong ones, and leaves the derivatives of their loss. */
FUNCTION void see_piece(const struct Place *here, CONST_GLOBAL float *targets, float *wrong, float *finite) {
    UNROLL_ALL
    for (int layer = 0; layer < DEPTH; ++layer) {
        forward_layer(here, layer);
        TEAM_BARRIER();
    }
    UNROLL_ALL
    for (int row = here->thread; row < PIECE; row += TEAM) {
        float output = output_of(here, row), slope;
        float target = PIECES == 1 ? here->w[TARGETS_AT + row] : targets[row];
        see(&output, &target, wrong, finite);
        differentiate(&output, &target, share_of(N_ROWS), &slope);
        here->w[SLOPES_AT + row] = slope;
    }
    TEAM_BARRIER();
}

/* Adds the rows of a piece to the gradient. */
FUNCTION void add_gradient(const struct Place *here, float *g) {
    UNROLL_ALL
    for (int layer = DEPTH; layer >= 0; --layer) {
        outer_of(here, layer, g + OWN_AT(layer));
        TEAM_BARRIER();
        if (layer > 0) return_errors(here, layer);
        TEAM_BARRIER();
    }
}

/* Updates each layer as soon as its gradient is there, which then needs no place. */
FUNCTION void learn_whole(const struct Place *here, float *g, float *first, float *second, float step,
                          float epsilon) {
    UNROLL_ALL
    for (int layer = DEPTH; layer >= 0; --layer) {
        outer_of(here, layer, g + OWN_AT(layer));
        TEAM_BARRIER();
        if (layer > 0) return_errors(here, layer);
        TEAM_BARRIER();
        update_layer(here, layer, g, first, second, step, epsilon);
    }
}

KERNEL train(CONST_GLOBAL float *inputs, CONST_GLOBAL float *targets, CONST_GLOBAL float *initial,
             CONST_GLOBAL word64 *keys, CONST_GLOBAL whole64 *points, int n_points, GLOBAL float *snapshots,
             CONST_GLOBAL float *schedule, int n_schedule, CONST_GLOBAL double *factors, int n_factors,
             float leak, int epochs, int n_networks, GLOBAL int *counter, GLOBAL ORDER *orders, GLOBAL float *moments,
             GLOBAL float *parameters, GLOBAL int *ended_epochs, GLOBAL unsigned char *watched) {
    SHARED_ARRAY(shared, SHARED_FLOATS)
    struct Place here;
    here.thread = THREAD % TEAM;
    here.units = here.thread / 4;
    here.rows = here.thread % 4;
    here.leak = leak;
    here.w = shared + THREAD / TEAM * TEAM_FLOATS;
    here.hidden = here.w + HIDDEN_AT;
    here.moments = shared + MOMENTS_AT + THREAD;
    SHARED float *seen = here.w + SEEN_AT;
    float g[OWN];
    float first[KEPT], second[KEPT];
    CONST_GLOBAL float *own_inputs = inputs, *own_targets = targets;
    int network = -1, epoch = 0, point = 0, due = -1, stopped = 1, idle = 0;

    for (int layer = 0; layer <= DEPTH; ++layer)
        for (int row = here.thread; row < PIECE; row += TEAM)
            here.hidden[ROWS_AT(layer) + BIAS_AT(layer) * PIECE + row] = 1.0f;
    for (;;) {
        /* Where a team of the warp has ended, it takes the next network, and the others begin their epoch anew. */
        if (ANY(stopped)) {
            int thread = here.thread;
            AFRESH(thread);
            if (stopped && network >= 0) {
                keep(parameters + (whole64)network * N_STORED, here.w, thread);
                if (thread == 0) {
                    STORE_ONCE(ended_epochs + network, epoch);
                    STORE_ONCE(watched + network, (unsigned char)0);
                }
            }
            TEAM_BARRIER();
            if (stopped) {
                if (thread == 0) seen[0] = AS_FLOAT(NEXT(counter));
                LOOP
                for (int i = thread; i < HIDDEN_AT; i += TEAM) here.w[i] = 0.0f;
            }
            TEAM_BARRIER();
            if (stopped) {
                network = AS_WORD(seen[0]);
                idle = network >= n_networks;
                due = -1;
                UNROLL_ALL
                for (int i = 0; i < KEPT; ++i) first[i] = second[i] = 0.0f;
                LOOP
                for (int i = 0; i < 2 * (OWN - KEPT); ++i) here.moments[i * BLOCK] = 0.0f;
            }
            if (ALL(idle)) break;
            if (stopped && !idle) {
                if (!SHARED_INPUTS) own_inputs = inputs + (whole64)network * N_ROWS * N_INPUTS;
                own_targets = targets + (whole64)network * N_ROWS;
                LOOP
                for (int i = thread; i < N_STORED; i += TEAM)
                    if (place_of(i) >= 0) here.w[place_of(i)] = initial[(whole64)network * N_STORED + i];
                if (PIECES == 1) {
                    read_rows(&here, thread, own_inputs);
                    for (int row = thread; row < PIECE; row += TEAM) here.w[TARGETS_AT + row] = own_targets[row];
                }
                epoch = point = 0;
                due = n_points > 0 ? (int)points[0] : -1;
            }
            TEAM_BARRIER();
        }
        float wrong = 0.0f, finite = 0.0f;
        int following = epoch < n_schedule ? epoch : n_schedule - 1;
        float step = schedule[2 * following], epsilon = schedule[2 * following + 1];
        if (SCHEDULED) step = step * (float)factors[epoch < n_factors ? epoch : n_factors - 1];
        UNROLL_ALL
        for (int i = 0; i < OWN; ++i) g[i] = 0.0f;
        LOOP
        for (int piece = 0; piece < PIECES; ++piece) {
            if (PIECES > 1) {
                read_rows(&here, here.thread, own_inputs + piece * PIECE * N_INPUTS);
                TEAM_BARRIER();
            }
            see_piece(&here, own_targets + piece * PIECE, &wrong, &finite);
            if (PIECES > 1) add_gradient(&here, g);
        }
        seen[here.thread] = wrong + finite;
        TEAM_BARRIER();
        wrong = 0.0f;
        UNROLL_ALL
        for (int i = 0; i < TEAM; ++i) wrong = wrong + seen[i];
        if (epoch == due) {
            int thread = here.thread;
            AFRESH(thread);
            keep(snapshots + ((whole64)network * n_points + point) * N_STORED, here.w, thread);
            ++point;
            due = point < n_points ? (int)points[point] : -1;
        }
        stopped = !idle && (epoch >= epochs || wrong != wrong || (EARLY && WRONG + 0.5f - wrong > 0.0f));
        if (ANY(stopped)) continue;
        if (PIECES == 1) {
            learn_whole(&here, g, first, second, step, epsilon);
        } else {
            UNROLL_ALL
            for (int layer = 0; layer <= DEPTH; ++layer) update_layer(&here, layer, g, first, second, step, epsilon);
        }
        TEAM_BARRIER();
        ++epoch;
    }
}

#endif

#ifndef __OPENCL_VERSION__
extern "C" __device__ int shared_bytes = 4 * SHARED_FLOATS; /* of a block of the kernel `train` */
#endif
