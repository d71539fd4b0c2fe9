"""``party.toml`` beside the member table."""

from pathlib import Path

import pytest

from miyun.destinations.file import FileFormat
from miyun.errors import ConfigError
from miyun.party.config import PartyConfig, load_party_config


def test_a_home_without_a_file_has_the_defaults(tmp_path: Path) -> None:
    assert load_party_config(tmp_path / "party.toml") == PartyConfig()


def test_settings_are_read_and_other_tables_left_to_others(tmp_path: Path) -> None:
    path = tmp_path / "party.toml"
    path.write_text(
        '[members]\nid = "x"\n[privacy]\ntotal_rho_micro = 7\n[outbox]\nfolder = "/out"\nformat = "parquet"\n'
        '[catalogues]\napp = "tags.csv"\n'
    )
    config = load_party_config(path)
    assert config.privacy.total_rho_micro == 7
    assert config.catalogues == {"app": Path("tags.csv")}
    assert (config.outbox.folder, config.outbox.format) == (Path("/out"), FileFormat.PARQUET)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[privacy]\ntotal_rho = 1\n", "privacy.total_rho"),
        ("[privacy]\ntotal_rho_micro = -1\n", "privacy.total_rho_micro"),
        ('[outbox]\nformat = "xlsx"\n', "outbox.format"),
        ("[agent]\nworkers = 0\n", "agent.workers"),
        ("[agent\n", "party.toml"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "party.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=named):
        load_party_config(path)
