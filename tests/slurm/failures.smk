"""Jobs that go wrong, under the profile, the hooks and the helpers of the real workflow."""


configfile: "config/config.yaml"


include: "rules/common.smk"
include: "rules/slurm.smk"


rule slow:
    """Write half a file, wait, write the other half."""
    output:
        "results/{name}_{seconds}.txt",
    log:
        "results/logs/{name}_{seconds}.log",
    resources:
        seconds=lambda wildcards: int(wildcards.seconds),
        constraint="lasting",
    script:
        "slow.py"


rule too_long:
    """Take ten minutes instead of one in the first attempt."""
    output:
        "results/too_long.txt",
    log:
        "results/logs/too_long.log",
    resources:
        runtime=per_attempt(1),
        seconds=lambda wildcards, attempt: 600 if attempt == 1 else 0,
        constraint="lasting",
    script:
        "slow.py"


rule too_large:
    """Need 1,250 MB, Snakemake included: the second attempt asks for enough."""
    output:
        "results/too_large.txt",
    log:
        "results/logs/too_large.log",
    resources:
        mem_mb=per_attempt(1000),
        megabytes=900,
        seconds=5,
        constraint="lasting",
    script:
        "slow.py"


rule impossible:
    """Ask for more memory than any node has."""
    output:
        "results/impossible.txt",
    log:
        "results/logs/impossible.log",
    resources:
        mem_mb=10**9,
    script:
        "slow.py"
