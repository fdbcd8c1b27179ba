"""The values of a report: what ``report.json`` holds, and what the page is drawn from.

A section that cannot be computed is `Missing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict, final

from ..contract import ReportInputLineage

if TYPE_CHECKING:
    from typing_extensions import NotRequired

    from ..contract import Params, PrepareResultDropped, PrepareResultRemark, PrepareResultSplits
    from ..shapes import Task
    from .inputs import ReportedTrial

Role: TypeAlias = Literal["challenger", "champion"]
Direction: TypeAlias = Literal["maximize", "minimize"]


@final
class Missing(TypedDict):
    """Why a section is not there, in a sentence."""

    missing: str | None
    #: Dimensions of subgroups for which the data has no column.
    absent: NotRequired[list[str]]


class Estimate(TypedDict):
    """A value with its interval of 95 %; without one where it cannot be told."""

    value: float
    low: float | None
    high: float | None


class Share(TypedDict):
    """A share or a ratio with its interval of 95 %; None of nothing."""

    value: float | None
    low: float | None
    high: float | None


class Score(TypedDict):
    """A score of both models, and challenger minus champion."""

    challenger: Estimate | None
    champion: Estimate | None
    difference: Estimate | None
    #: Of the challenger; None without an interval to judge by.
    verdict: Literal["better", "worse", "unclear"] | None


class Comparison(TypedDict):
    """The scores by name. Not computed: they are those that the trainings recorded, and `missing` says why."""

    computed: bool
    samples: NotRequired[int]
    confidence: NotRequired[float]
    missing: str | None
    scores: dict[str, Score]


class Curve(TypedDict):
    """Points of a curve; `at` is that of the model's threshold."""

    x: list[float]
    y: list[float]
    at: list[float | None]


class ModelCurves(TypedDict):
    """Sensitivity over false positive rate, and precision over recall."""

    roc: Curve
    precisionRecall: Curve


@final
class Curves(TypedDict):
    """The curves of both models."""

    models: dict[Role, ModelCurves]


class CalibrationBin(TypedDict):
    """Records of similar probability: the mean prediction, and the observed share with its interval."""

    rows: int
    predicted: float
    value: float
    low: float
    high: float


class ModelCalibration(TypedDict):
    """Bins of equally many records; `error` is the expected calibration error (Naeini 2015) over them."""

    bins: list[CalibrationBin]
    error: float
    #: Share of positives, and the mean prediction.
    observed: float
    expected: float
    #: Observed over expected.
    ratio: Share


@final
class Calibration(TypedDict):
    """The calibration of both models."""

    models: dict[Role, ModelCalibration]


class Spread(TypedDict):
    """Share of each class's records in each bin."""

    positive: list[float]
    negative: list[float]


@final
class Distribution(TypedDict):
    """How predictions are spread; the last bin holds what lies above it too."""

    edges: list[float]
    models: dict[Role, Spread]


class Decisions(TypedDict):
    """What alerts get right."""

    truePositives: int
    falseNegatives: int
    falsePositives: int
    trueNegatives: int
    sensitivity: Share
    specificity: Share
    ppv: Share
    npv: Share
    alertRate: Share


class ModelDecisions(Decisions):
    """What a model's alerts get right at its threshold."""

    threshold: float
    thresholdIsDefault: bool


@final
class DecisionsOfModels(TypedDict):
    """The decisions of both models."""

    models: dict[Role, ModelDecisions]


class ClassScores(TypedDict):
    """How well one class is found: `auc` is that of its probability against all others."""

    name: str
    rows: int
    recall: Share
    precision: Share
    auc: float | None


class ModelClasses(TypedDict):
    """Records by actual class (rows) and the class that the model takes them for (columns)."""

    counts: list[list[int]]
    scores: list[ClassScores]


@final
class Classes(TypedDict):
    """The classes of both models."""

    names: list[str]
    models: dict[Role, ModelClasses]


class FittedBin(TypedDict):
    """Records of similar prediction: its mean, the mean of what happened, and within what eight of ten lie."""

    rows: int
    predicted: float
    value: float
    low: float
    high: float


class ModelErrors(TypedDict):
    """Predicted minus actual numbers: their shares in bins, mean, and quantiles (5, 25, 50, 75, 95 %)."""

    bins: list[FittedBin]
    shares: list[float]
    mean: float
    quantiles: list[float]


@final
class Errors(TypedDict):
    """How both models err; the outer bins hold what lies beyond them too."""

    edges: list[float]
    models: dict[Role, ModelErrors]


class ColumnImportance(TypedDict):
    """By how much the score falls when a column is shuffled: mean and standard deviation of the repeats."""

    name: str
    drop: float
    spread: float


@final
class Importance(TypedDict):
    """The columns, the most important first."""

    rows: int
    repeats: int
    #: Such as "auc".
    score: str
    value: float
    columns: list[ColumnImportance]


class Measured(TypedDict):
    """How well a model does on some records; None of too few to tell."""

    rows: int
    positives: int | None
    enough: bool
    scores: dict[str, Estimate]
    #: What follows is of a binary target.
    sensitivity: Share | None
    alertRate: Share | None
    #: Observed over expected positives.
    ratio: Share | None


class Group(Measured):
    """A subgroup."""

    name: str


class Dimension(TypedDict):
    """What records are grouped by."""

    name: str
    column: str
    groups: list[Group]


@final
class Subgroups(TypedDict):
    """The subgroups; groups smaller than the limits are not measured."""

    #: Names of the scores.
    measures: list[str]
    minRows: int
    minPositives: int | None
    whole: Measured
    dimensions: list[Dimension]
    absent: list[str]


class SearchPoint(TypedDict):
    """A complete trial, and the best score until then."""

    number: int
    score: float
    best: float


class Axis(TypedDict):
    """A parameter, and its values, numbers or texts, by trial number."""

    name: str
    kind: Literal["number", "category"]
    log: bool
    values: dict[str, float | str | None]


class ParameterShare(TypedDict):
    """Share of the score's variance that a parameter explains."""

    name: str
    share: float


@final
class ParameterImportance(TypedDict):
    """Which parameters mattered, by fANOVA (Hutter 2014)."""

    trials: int
    parameters: list[ParameterShare]


@final
class SearchValues(TypedDict):
    """The search."""

    trials: list[ReportedTrial]
    metric: str
    direction: Direction
    counts: dict[str, int]
    #: Number of the best trial.
    best: int | None
    history: list[SearchPoint]
    axes: list[Axis]
    importance: ParameterImportance | Missing


class ProfiledColumn(TypedDict):
    """A column of the test records: quantiles (5 %, 50 %, 95 %) of a numeric one, the commonest value of others."""

    name: str
    used: bool
    kind: str
    missing: float | None
    distinct: int
    quantiles: NotRequired[list[float]]
    top: NotRequired[str]
    topShare: NotRequired[float]


@final
class Profile(TypedDict):
    """What the data looks like, and how its file was read; `left` columns are not described."""

    dropped: list[PrepareResultDropped]
    remarks: list[PrepareResultRemark]
    splits: PrepareResultSplits
    rows: int
    groups: int
    positives: int | None
    sha256: str
    features: int
    encoded: int
    columns: list[ProfiledColumn]
    left: int


class Lineage(ReportInputLineage):
    """Where a version comes from, as the input has it, and with which packages it was computed."""

    runId: str
    versions: dict[str, str | None]


class DescribedModel(TypedDict):
    """A model; thresholds and what is missing are known where there are test records."""

    version: str
    uri: str
    model: str | None
    params: Params | None
    metrics: dict[str, float]
    threshold: NotRequired[float]
    thresholdIsDefault: NotRequired[bool]
    missing: NotRequired[str | None]


class Target(TypedDict):
    """What is predicted."""

    target: str
    positive: str | None
    classes: list[str] | None
    group: str | None


class FewPositives(TypedDict):
    """The test split has so few positives that intervals are wide."""

    kind: Literal["fewPositives"]
    positives: int
    wanted: int


class Guessing(TypedDict):
    """The interval of a score reaches what a model scores that reads nothing."""

    kind: Literal["guessing"]
    score: str
    low: float


class DefaultThreshold(TypedDict):
    """The model tells no threshold."""

    kind: Literal["defaultThreshold"]
    threshold: float


class PoorCalibration(TypedDict):
    """Predictions are not what happens."""

    kind: Literal["calibration"]
    ratioIsOff: bool
    error: float
    observed: float
    expected: float


class GroupFinding(TypedDict):
    """The model does worse for a group than for all."""

    kind: Literal["groupScore", "groupSensitivity", "groupRatio"]
    score: str
    dimension: str
    group: str
    estimate: Share
    #: The value of all records.
    whole: float


class FailedTrials(TypedDict):
    """Many trials failed."""

    kind: Literal["failedTrials"]
    failed: int
    trials: int


Finding: TypeAlias = "FewPositives | Guessing | DefaultThreshold | PoorCalibration | GroupFinding | FailedTrials"


class Values(TypedDict):
    """Everything that the page says; `key` is the digest of what it depends on.

    A section that does not apply to the task is None.
    """

    key: str
    task: Task
    registeredModel: str
    challenger: DescribedModel
    champion: DescribedModel | None
    target: Target | None
    rows: int | None
    positives: int | None
    comparison: Comparison
    curves: Curves | Missing | None
    calibration: Calibration | Missing | None
    distribution: Distribution | Missing | None
    decisions: DecisionsOfModels | Missing | None
    classes: Classes | Missing | None
    errors: Errors | Missing | None
    importance: Importance | Missing
    subgroups: Subgroups | Missing
    search: SearchValues | Missing
    profile: Profile | Missing
    lineage: Lineage
    findings: list[Finding]
