"""Local linearity of small ReLU networks."""

from relusweep.pipeline.reproduction.source import Elsewhere, Source, Step

__all__ = ["DISSERTATION"]

DISSERTATION = Source(
    title="local linearity of ReLU networks",
    reference="B. Sattelberg, Local Linearity of ReLU Neural Networks (Colorado State University, 2026)",
    steps=(
        Step(
            "npn4",
            "figure 3.5: success by width and depth, mean and worst class",
            "Success by width and depth; Hardest classes; What makes a function hard; Swaps",
            small="trials=2 width=2,4,8 depth=1,3",
        ),
        Step(
            "frontier4",
            "open questions: what swaps say of the size that a function needs",
            "Swaps below width to the depth; Open shapes",
            small="trials.most=16 problems=1,6,1785 width=2 depth=1,2",
        ),
        Step(
            "parity10",
            "sizes that learn the parity of ten inputs, beside w^l >= n",
            "Success by width and depth",
            small="random=1 trials=2 width=4,10 depth=2,4",
        ),
        Step(
            "boolean10",
            "random functions and functions XOR parity",
            "By kind of functions; What makes a function hard",
            small="random=1 classes=6,1785 trials=2",
        ),
        Step(
            "dimensions",
            "functions of 5 to 10 inputs",
            "By the number of inputs",
            small="random=1 classes=6,1785 n_inputs=5..7 trials=2",
        ),
        Step(
            "npn5",
            "five inputs, which the source calls infeasible",
            "Hardest classes; What makes a function hard",
            small=None,
            source=None,
        ),
        Step(
            "xor_optima",
            "3.4.1: local optima of the smallest XOR network, its cells and losses",
            "Stationary points reached; All stationary points",
            small="trials=20",
            source="trials=100000 init=he_normal bias=uniform learning_rate=0.4",
        ),
        Step(
            "landscape2",
            "the same of all classes of two inputs",
            "Levels, minima and saddles",
            small="width=1",
            source=None,
        ),
        Step(
            "landscape3",
            "the same of all classes of three inputs",
            "Levels, minima and saddles",
            small="problems=105 width=1",
            source=None,
        ),
        Step(
            "prune_wide",
            "3.4.4, table and figure 3.10: least subsets of wide networks, losses of fine-tuned subnetworks",
            "Pruning: all subsets of the units",
            small="n_inputs=1..3 width=2..5 trials=4",
            source="trials=4",
        ),
        Step(
            "prune_deep",
            "3.4.4: deep networks pruned unit by unit",
            "Pruning: one unit after another",
            small="n_inputs=2 width=10 trials=1",
            source="trials=4",
        ),
        Step(
            "prune_masks",
            "all masks of small networks",
            "Pruning: all masks, without fine-tuning",
            small="n_inputs=2 width=2,3 trials=10",
            source=None,
        ),
        Step(
            "annulus",
            "chapter 4: the table of 36 settings in the plane",
            "Success; Shapes of the regions; In the plane",
            small="trials=4",
        ),
        Step(
            "hypersphere",
            "success against the dimension; simplex, hyperoctahedron and orthogonal directions",
            "Success; Shapes of the regions; The two polytopes; Orthogonal directions",
            small="n_inputs=2,3 trials=4",
        ),
        Step(
            "sine",
            "5.3: tries and pieces of networks that fit the sine",
            "Tries by width and depth; The pieces of the fits",
            small="width=2,5,10 depth=2,5 trials=3",
        ),
        Step(
            "plane_circle",
            "6.1, 6.2: a disc told from the annulus around it, its regions",
            "Regions, boundary and maps of the best network of each size",
            small="trials=2",
        ),
        Step(
            "plane_xor_circles",
            "6.1, 6.2: discs at the corners of a square",
            "Regions, boundary and maps of the best network of each size",
            small="trials=2",
        ),
        Step(
            "plane_xor",
            "6.2, figures 7.5 and 7.6: regions, clusters of maps, maps as linear images of one another",
            "Linear regions through training; Few maps in place of many; "
            "Are the maps of different networks linear images of one another?",
            small="trials=2",
        ),
        Step(
            "images",
            "chapters 5 and 7: coefficients, compression by k-means, sensitivity, comparison",
            "Compression by k-means; Coefficients as images; Sensitivity; How alike the networks are",
            small="name=images_small networks=dense-sgd-0,linear-adamw-0 epochs=2 samples=200",
            images=True,
        ),
        Step(
            "prune_images",
            "3.4.5: image networks pruned by channels and by weights",
            "Pruning",
            small="name=prune_images_small networks=complex-sgd-0 epochs=1 samples=200",
            images=True,
        ),
    ),
    elsewhere=(
        Elsewhere("3.3.3: stationary points of max(a x, 0) + b", "rs.optima.single_unit(), docs/optima.md"),
        Elsewhere("5.4: tropical form", "rs.regions.tropical_form, docs/regions.md"),
        Elsewhere("5.5: inequalities of a region", "rs.regions(network, box).halfspaces(i), docs/regions.md"),
        Elsewhere("6.3: planes through three images", "relusweep run images --set stages=sections"),
        Elsewhere("figure 7.2: training step by step", "relusweep animate plane_xor --label widths=8-8-8"),
    ),
)
