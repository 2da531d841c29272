"""The words of the scripts that draw what stands below a sensor's curve, and several sensors in one chart."""

from flask_babel import gettext


def below_the_curve() -> dict[str, str]:
    """By the names that static/sensor/ has for them."""
    return {
        "notMade": gettext("This part did not come. Load the page anew."),
        "hourNone": gettext("{time}: no readings"),
        "hourSkipped": gettext("this day has no such hour"),
        "hourTo": gettext("{energy}, with what was drawn until {time}"),
        "hourGoing": gettext("{energy} so far"),
        "dayShow": gettext("{day}: show it in the curve"),
        "heatHoles": gettext("Relays hold readings of some of these hours still: the curve of such a day asks them."),
        "heatTop": gettext("{energy} and more"),
        "heatEmpty": gettext("No readings by the hour in these weeks."),
        "barNow": gettext("{name}: {energy}"),
        "barGoing": gettext("{name}: {energy} so far"),
        "barNone": gettext("{name}: no readings"),
        "sumNow": gettext("{period}: {energy}."),
        "sumGoing": gettext("{period}: {energy} so far."),
        "sumPart": gettext(
            "Of the {count} of {all} that are over: {now}; of the same part of the period before: {before}. Difference: {change}."
        ),
        "sumWhole": gettext("The period before, {period}: {energy}. Difference: {change}."),
        "sumNothing": gettext("Nothing of this period is over yet."),
        "lessNow": gettext("Of this period readings are missing at its begin or end: no difference is told."),
        "lessBefore": gettext("Of the period before readings are missing at its begin or end: no difference is told."),
        "noChange": gettext("it was nothing"),
        "energyEmpty": gettext("No readings in either period."),
        "energyHoles": gettext("Relays hold readings of these periods still."),
        "chartEnergy": gettext("Energy, {period} beside {before}"),
        "routesNone": gettext("The sensor has not told of a route yet."),
        "routeRelay": gettext("relay {number}"),
        "routeSwitched": gettext("switched from another relay"),
        "routeAnew": gettext("started anew"),
        "routeFirst": gettext("the first one known"),
        "routeUntimed": gettext("before it knew the time"),
        "routeNow": gettext("now"),
        "routeMost": gettext("The newest {count} are told."),
        "routeLane": gettext("{relay} from {from} to {to}"),
        "callCopied": gettext("Copied"),
        "callSelected": gettext("Selected: copy it"),
    }


def of_comparing() -> dict[str, str]:
    """By the names that static/compare/ has for them."""
    return {
        "compareAway": gettext("The remote does not answer."),
        "compareNone": gettext("Nothing of what is chosen has readings in this span that you may see."),
        "compareZone": gettext("Times are those of {zone}."),
        "compareSums": gettext("Of regions there are sums by day and month only."),
        "compareLacks": gettext("{count} not given"),
        "compareSaid": gettext("{name}: {value}"),
        "chooseNothing": gettext("Nothing of this name that you may see."),
        "chooseMore": gettext("There is more: write more of the name."),
        "chooseRegion": gettext("region {name}"),
        "chooseAway": gettext("The remote does not answer."),
    }
