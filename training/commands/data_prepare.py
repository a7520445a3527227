"""`hushgate data prepare`: check a corpus and list its recordings for training."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hushgate.training.commands.data_flags import with_progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate data prepare`."""
    from hushgate.training.corpora.registry import CORPORA

    width = max(map(len, CORPORA))
    parser.epilog = "corpora and the layout of their folders:\n" + "\n".join(
        f"  {name:<{width}}  {corpus.layout}" for name, corpus in CORPORA.items()
    )
    parser.add_argument(
        "corpus", choices=sorted(CORPORA), metavar="CORPUS", help="name of a corpus, see below"
    )
    parser.add_argument(
        "folders", nargs="+", type=Path, metavar="FOLDER", help="where the corpus lies; it is only read"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="folder for manifest.csv and mix.toml"
    )
    parser.add_argument(
        "--split",
        default="official",
        metavar="SHARES",
        help="official (default), or shares of train/val/test such as 60/20/20",
    )
    parser.add_argument(
        "--split-by",
        choices=("speaker", "file"),
        default="speaker",
        help="what shares keep together: speakers, classes and sources (default), or nothing",
    )
    parser.add_argument(
        "--validation",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="share of training that validates where the corpus has no part for it (default 0.1)",
    )
    parser.add_argument(
        "--merge-validation", action="store_true", help="train on the validation part too, for a final run"
    )
    parser.add_argument("--seed", type=int, default=0, help="deals the splits (default 0)")
    parser.add_argument("--min-seconds", type=float, default=0.0, metavar="S", help="drop shorter recordings")
    parser.add_argument(
        "--max-seconds", type=float, default=float("inf"), metavar="S", help="drop longer recordings"
    )
    parser.add_argument("--sample-rate", type=int, metavar="HZ", help="write copies at this rate")
    parser.add_argument("--remove-silence", action="store_true", help="write copies without silent stretches")
    parser.add_argument(
        "--silence-below-db",
        type=float,
        default=40.0,
        metavar="DB",
        help="silent: this far below the loud parts (default 40)",
    )
    parser.add_argument(
        "--silence-longest-s",
        type=float,
        default=0.3,
        metavar="S",
        help="leave silent stretches up to this length (default 0.3)",
    )
    parser.add_argument(
        "--silence-keep-s",
        type=float,
        default=0.2,
        metavar="S",
        help="what stays of longer ones (default 0.2)",
    )
    parser.add_argument(
        "--skip-unreadable", action="store_true", help="leave out files that cannot be read, and list them"
    )
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")
    own = parser.add_argument_group("options of single corpora")
    own.add_argument(
        "--subset",
        action="append",
        default=[],
        metavar="NAME",
        help="librispeech: a part such as train-clean-100",
    )
    own.add_argument(
        "--table", action="append", default=[], metavar="NAME", help="common-voice: a table such as validated"
    )
    own.add_argument("--esc10", action="store_true", help="esc50: only the ten classes of ESC-10")
    own.add_argument(
        "--val-fold", type=int, metavar="N", help="urbansound8k, esc50: fold for validation, 0 for none"
    )
    own.add_argument(
        "--test-fold", type=int, metavar="N", help="urbansound8k, esc50: fold for tests, 0 for none"
    )
    own.add_argument(
        "--kind",
        action="append",
        default=[],
        metavar="KIND",
        help="folders, pairs: kind of each folder (default: speech noise)",
    )


def run(args: argparse.Namespace) -> int:
    """Run `hushgate data prepare`; exit status 0.

    Raises:
        OSError, RuntimeError, ValueError: The command failed.
    """
    from hushgate.training.corpora.corpus import Options
    from hushgate.training.corpora.prepare import Preparation, prepare, summarize
    from hushgate.training.corpora.prepared_config import write_config
    from hushgate.training.corpora.registry import CORPORA
    from hushgate.training.corpora.silence import SilenceRule

    options = Options(
        tuple(args.subset), tuple(args.table), args.esc10, args.val_fold, args.test_fold, tuple(args.kind)
    )
    used = CORPORA[args.corpus].options
    for name, default in vars(Options()).items():
        if getattr(options, name) != default and name not in used:
            flag = "--" + {"subsets": "subset", "tables": "table", "kinds": "kind"}.get(name, name).replace(
                "_", "-"
            )
            raise ValueError(f"{flag} must not be given with corpus {args.corpus}, which has no such option.")
    rule = SilenceRule(args.silence_below_db, args.silence_longest_s, args.silence_keep_s)
    done = prepare(
        args.corpus,
        args.folders,
        args.output,
        Preparation(
            split=args.split,
            split_by=args.split_by,
            validation=args.validation,
            merge_validation=args.merge_validation,
            seed=args.seed,
            min_s=args.min_seconds,
            max_s=args.max_seconds,
            sample_rate=args.sample_rate,
            silence=rule if args.remove_silence else None,
            skip_unreadable=args.skip_unreadable,
        ),
        options,
        lambda items, what: with_progress(items, len(items), what, args.quiet),
    )
    config = write_config(args.output)
    for path in done.unreadable:
        print(f"hushgate: warning: left out {path}, which cannot be read", file=sys.stderr)
    if not args.quiet:
        print("\n".join(summarize(done.rows)))
        for reason, count in done.dropped.items():
            print(f"left out   {count} {reason}")
        print(f"manifest   {done.manifest}")
        if config is not None:
            print(f"config     {config}")
    return 0
