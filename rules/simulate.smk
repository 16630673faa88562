"""Write look-alike raw files for a dataset that is not at hand.

requires: dataset_options.{dataset}.simulate, a number of rows
provides: results/simulated/{dataset}/, the raw files in their original formats, and SIMULATED.json
"""


rule simulate:
    """Simulate the raw files of one dataset."""
    output:
        folder=directory(SIMULATED),
    log:
        "results/logs/simulate/{dataset}.log",
    benchmark:
        "results/benchmarks/simulate/{dataset}.tsv"
    conda:
        "../envs/cpu.yaml"
    threads: 1
    resources:
        runtime=per_attempt(30),
        mem_mb=per_attempt(2000),
    params:
        spec=spec_of(studies.simulate_spec),
        code=of_study(fingerprints.simulation_code),
    message:
        "Simulating the raw files of {wildcards.dataset}"
    script:
        "../workflow/scripts/simulate.py"
