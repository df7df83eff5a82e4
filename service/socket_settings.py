"""The settings of Unix sockets: who on this machine may connect to one."""

from pydantic import BaseModel, ConfigDict, Field


class SocketSettings(BaseModel):
    """The mode and the group of the doors' socket files. Whoever may write to one may connect, and no more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: str = Field(default="0660", pattern=r"^0[0-7]{3}$", description="the file's mode, in octal")
    group: str = Field(
        default="", description="the file's group, of which the service must be; its own first group when empty"
    )

    @property
    def bits(self) -> int:
        """The mode as a number."""
        return int(self.mode, 8)
