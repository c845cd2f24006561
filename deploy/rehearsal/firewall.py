"""What a Docker Engine adds to this machine's packet filter, taken out again when ours is gone."""

from dataclasses import dataclass

from .shell import ask, succeeds

TABLES = ("filter", "nat")


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of each table, as ``iptables -S`` has them; empty where there is no iptables."""

    tables: dict[str, list[str]]

    @classmethod
    def now(cls) -> "Rules":
        command = "iptables --wait --table {} --list-rules 2>/dev/null || true"
        return cls({table: ask(command.format(table)).splitlines() for table in TABLES})


def restore(before: Rules) -> None:
    """Remove Docker's rules and chains that were not there, and put the policies back."""
    for table, lines in Rules.now().tables.items():
        known = before.tables[table]
        added = [line for line in lines if "docker" in line.lower() and line not in known]
        rules = [line.replace("-A ", "-D ", 1) for line in added if line.startswith("-A ")]
        chains = [line.replace("-N ", "-X ", 1) for line in added if line.startswith("-N ")]
        policies = [line for line in known if line.startswith("-P ") and line not in lines]
        for change in (*rules, *chains, *policies):
            succeeds(f"iptables --wait --table {table} {change}")
