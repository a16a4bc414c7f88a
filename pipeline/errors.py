"""The errors, and the words in which the catalog counts them.

    RejectedError        a judgment: this video or clip is unfit, for one of the reasons below
    TransientError       somebody else's trouble, which may pass: another attempt is worth it
    LimitError           what was read in a limited process took too long, too much, or it with it
    ExpectedError        something outside the program is wrong; one sentence says what to do
      UnreadableError    a file cannot be opened; the text is the operating system's
      ServiceError       a service refuses us as a whole: a wrong key, no network, no trust
      StorageError, ServerError, BooksError, ...    stand beside what raises them

An exception of another kind is a mistake of ours. Its traceback goes into the catalog, as
`FailCause.BUG`.
"""

from enum import StrEnum

from tinyvideo.pipeline.masks import masked
from tinyvideo.pipeline.strange_letters import printable


class RejectReason(StrEnum):
    """What made a video or a clip unfit, in the words that the books use."""

    NOT_A_VIDEO = "not_a_video"
    """The container cannot be parsed: text, an empty file, a file without its index."""

    NO_VIDEO_STREAM = "no_video_stream"
    """The file holds sound or data only."""

    FRAME_RATE = "frame_rate"
    """No whole step through the frames gives 10 to 35 frames per second, or so few of them are no
    repeats."""

    FRAME_SIZE = "frame_size"
    """The picture is too small for a strip, or larger than the decoder is allowed to take."""

    TOO_SHORT = "too_short"
    """The film ends before one window of 32 frames is full."""

    BROKEN_STREAM = "broken_stream"
    """The film is cut off, has lost a part, or its pictures change their size on the way."""

    CORRUPT = "corrupt"
    """A picture is damaged: its decoder says so, or it shows what no camera makes."""

    UNEVEN_TIMING = "uneven_timing"
    """A gap, or a jump, in the time stamps of the window, or in the pace of its pictures."""

    REPEATED_FRAME = "repeated_frame"
    """Two neighboring frames of the window are equal: a frozen or padded picture."""

    FLAT = "flat"
    """A frame is black or nearly of one color."""

    SHOT_CUT = "shot_cut"
    """The window holds the border between two shots."""

    FADE = "fade"
    """The picture fades from or to one color within the window."""

    DISSOLVE = "dissolve"
    """One scene fades into another within the window."""

    JUMP_CUT = "jump_cut"
    """Part of the picture is another one at once: a jump cut before a fixed camera, a screen."""

    FROZEN = "frozen"
    """Nothing moves at all: a still picture or a slide."""

    BLURRED = "blurred"
    """Too blurred for keypoints."""

    TOO_FEW_INLIERS = "too_few_inliers"
    """By the method of 2016: too few keypoints of a frame are found in the next."""

    REPROJECTION_ERROR = "reprojection_error"
    """Along its camera path the picture would tremble more than before, or be squeezed."""

    FOREGROUND = "foreground"
    """Along no camera path does enough of the picture stand still, or two paths hold as much: the
    background is not what fills the picture."""

    OVERLAY = "overlay"
    """Part of the picture moves with the frame: a recorded screen, a caption, a border."""

    OUT_OF_VIEW = "out_of_view"
    """The camera has left too much of what frame 0 of the window shows."""

    TAKEN_DOWN = "taken_down"
    """Somebody who has the right to has asked that it go; it is never fetched again."""

    BLOCKED = "blocked"
    """Its id or its owner is on the block list; it was never fetched."""

    NOT_ALLOWED_LICENSE = "not_allowed_license"
    """Its license allows no derivatives, or is not known."""

    GONE = "gone"
    """Deleted or private: to a stranger, Flickr says the same of both."""

    NOT_PERMITTED = "not_permitted"
    """It can be seen, but its owner lets nobody have the file."""

    NO_RENDITION = "no_rendition"
    """Every file that its source offers is withdrawn, or none is a video."""

    PREVIEW = "preview"
    """A camera's small copy of a film that lies beside it in its folder."""

    TOO_LARGE = "too_large"
    """Its file has more bytes than a download may have."""


class FailCause(StrEnum):
    """What kept us from judging a video, in the words that the books use."""

    UNREADABLE = "unreadable"
    """The file, link or folder cannot be opened."""

    TIMEOUT = "timeout"
    """No answer in time, or decoding took longer than a video is allowed to: the detail says."""

    NETWORK = "network"
    """A host could not be reached, or the connection broke."""

    HTTP_429 = "http_429"
    """A host says that it was asked too often."""

    HTTP_5XX = "http_5xx"
    """A host says that something is wrong with it."""

    HTTP_403 = "http_403"
    """A media host refuses a fresh address, time and again."""

    UNAVAILABLE = "unavailable"
    """The service says, with one of its own codes, that it is not available just now."""

    UNPARSABLE = "unparsable"
    """The answer is not what the service promises: a page for people, cut-off JSON."""

    EXPIRED_URL = "expired_url"
    """A signed address was no longer valid when the file was asked for."""

    TRUNCATED_MEDIA = "truncated_media"
    """Fewer bytes came than were announced, or the file breaks off."""

    HTML_BODY = "html_body"
    """A page for people came where a video should be."""

    MEMORY = "memory"
    """The video needed more memory than a worker is allowed to take."""

    CRASH = "crash"
    """The worker process died: a signal inside the decoder, for instance."""

    BUG = "bug"
    """A mistake of ours: an exception nobody expected, or strips that were lost again and again."""


class RejectedError(Exception):
    """A video or clip is unfit: the reason, and the figures behind it in words."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        # Processes send exceptions by calling the class with its `args` again.
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class TransientError(Exception):
    """A service or the way to it is in trouble: what kind, and its own words."""

    def __init__(self, cause: FailCause, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(cause, detail, retry_after_s)
        self.cause = cause
        self.detail = detail
        self.retry_after_s = retry_after_s
        """Seconds that the service asks us to wait; None if it does not say."""

    def __str__(self) -> str:
        return f"{self.cause}: {self.detail}"


def install_extra(name: str) -> str:
    """Say how to install what only some need: the command, for a sentence of an `ExpectedError`.

    tinyvideo comes as a clone and not from a package index, so it is said as it works there.
    """
    return f"in the folder of tinyvideo, pip install -e '.[{name}]'"


class LimitError(Exception):
    """Bytes of strangers took more than they may, or the process that read them with it."""

    def __init__(self, cause: FailCause, detail: str) -> None:
        super().__init__(cause, detail)
        self.cause = cause
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.cause}: {self.detail}"


class ExpectedError(Exception):
    """Base class of errors whose text is for the user: it names the thing and the way out."""

    exit_code = 2
    """What the command line ends with."""

    def __str__(self) -> str:
        # Sentences quote strangers, and are shown in logs and as states of Prefect as they are.
        return printable(masked(super().__str__()))


class UnreadableError(ExpectedError):
    """The file cannot be opened; the text is the operating system's own."""


class ServiceError(ExpectedError):
    """A service refuses us, or cannot be reached at all; no video is to blame."""
