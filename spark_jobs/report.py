"""what the run's stages made -> one page for a person, its plots and its tables"""

from kindred import stage
from kindred.report import page, verdict

FIGURES = ("ingest", "featurize", "choose_labels", "train_base", "pseudo_label", "train_final", "gate", "evaluate")


def main(s: stage.Stage) -> str:
    figures = {name: value for part in FIGURES for name, value in s.figures_of(part).items()}
    sections = [verdict.section(figures, s.facts_of("gate")["reason"], [])]
    for section in sections:
        for name, content in section.files().items():
            s.report(name, content)
    name = s.run.rsplit("/", 1)[1]
    s.report(page.FILE, page.render(name, {"dataset": s.facts_of("ingest")["dataset"]["name"]}, sections))
    s.facts = {"page": page.FILE}
    return sections[0].says


if __name__ == "__main__":
    stage.run(main)
