using Stentor.Cli.Chatting;
using Stentor.Cli.Chatting.Classic;

namespace Stentor.Cli.Demos.Causality;

/// <summary>
/// The play in three acts: an answer overtakes what it answers and is held back; with the delays swapped nothing waits; and where dependencies are ignored, the
/// wrong order is shown.
/// </summary>
/// <param name="stage">Where it plays.</param>
internal sealed class CausalityPlay(Stage stage)
{
    private static readonly string Lost = ClassicWord.Lost.Sentence();
    private static readonly string Found = ClassicWord.Found.Sentence();
    private static readonly string Glad = ClassicWord.Glad.Sentence();

    /// <summary>Plays it.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task PlayAsync(CancellationToken cancellationToken)
    {
        stage.Narrator.Explain(
            $"""
            Three regions, each a process of its own; Alice talks at eu, Bob at us, and somebody reads at asia:

                 eu (Alice) ------- us (Bob)
                       \             /          All three links simulate a distance of {CausalityRegions.Distance.TotalMilliseconds:0} ms. The two that
                    cable A       cable B       lead to asia run through cables of this demonstration, which
                         \         /            can become {CausalityRegions.Detour.TotalSeconds:0} s longer while they are in use.
                            asia

            Every region passes on what it has, so asia is sent what Alice says over both cables. It notices that
            this comes by cable A first, and asks us not to send it as well: from then on, each entry crosses
            each cable once. Now a detour makes one of the cables longer.
            """);

        var first = new Act("Act 1. Cable A takes the detour: Bob's answer overtakes what it answers.", WaitSeconds: 3, DetourOnA: true, IgnoresDependencies: false, CheckHeldBack);
        var second = new Act("Act 2. The delays swapped: cable B takes the detour.", WaitSeconds: 1, DetourOnA: false, IgnoresDependencies: false, CheckNothingWaited);
        var control = new Act("Act 3. The control run: as the first act, but asia ignores dependencies.", WaitSeconds: 1, DetourOnA: true, IgnoresDependencies: true, CheckWrongOrder);
        foreach (var act in (Act[])[first, second, control])
        {
            await PlayAsync(act, cancellationToken);
        }
    }

    private async Task PlayAsync(Act act, CancellationToken cancellationToken)
    {
        stage.Narrator.Chapter(act.Title);
        var regions = new CausalityRegions(stage) { IgnoresDependencies = act.IgnoresDependencies };
        await regions.OpenAsync(cancellationToken);
        var heldBack = await TalkAsync(regions, act, cancellationToken);
        TellHow(regions, heldBack);

        stage.Narrator.Explain("");
        CheckStamps(regions);
        act.Check(regions, heldBack);
        await stage.ClearAsync();
    }

    /// <summary>The conversation.</summary>
    /// <returns>How Bob's answer was held back at asia; null when it was not.</returns>
    private async Task<HeldBack?> TalkAsync(CausalityRegions regions, Act act, CancellationToken cancellationToken)
    {
        var clock = new LamportClock();
        clock.Said((await regions.SayAsync(regions.Eu, "Alice", Lost, cancellationToken)).Lamport);
        await regions.ShownEverywhereAsync(Lost, cancellationToken);

        var before = clock.Time;
        await Task.Delay(TimeSpan.FromSeconds(act.WaitSeconds), stage.Time, cancellationToken);
        clock.Waited(act.WaitSeconds);
        stage.Narrator.Tell("eu", $"Alice has waited {act.WaitSeconds} s: her own Lamport clock went from {before} to {clock.Time}.");

        (act.DetourOnA ? regions.CableA : regions.CableB).Delay = CausalityRegions.Detour;
        stage.Narrator.Tell("", $"Cable {(act.DetourOnA ? "A (eu to asia)" : "B (us to asia)")} takes the detour: {CausalityRegions.Detour.TotalSeconds:0} s longer from now on.");

        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watching = new WaitingWatch(stage, regions).WatchAsync(over.Token);
        try
        {
            await regions.SayAsync(regions.Eu, "Alice", Found, cancellationToken);
            await regions.Us.HearsAsync(Found, cancellationToken);
            await regions.SayAsync(regions.Us, "Bob", Glad, cancellationToken);
            await regions.ShownEverywhereAsync(Found, cancellationToken);
            await regions.ShownEverywhereAsync(Glad, cancellationToken);
        }
        finally
        {
            await over.CancelAsync();
            await watching;
        }

        return await watching;
    }

    /// <summary>How what was waited for came in the end.</summary>
    private void TellHow(CausalityRegions regions, HeldBack? heldBack)
    {
        var (found, glad) = (regions.Asia.Shown(Found), regions.Asia.Shown(Glad));
        if (heldBack is not null)
        {
            stage.Narrator.Tell("asia", $"Bob's answer has waited {(glad.At - heldBack.Since).TotalSeconds:0.00} s for {heldBack.Missing}: Alice's message.");
        }

        var underWay = found.At - regions.SaidAt(Found);
        if (regions.CableA.Delay > TimeSpan.Zero)
        {
            // Whoever sends an entry says with it what it has: so asia learned at us that there is more of Alice's region, and asked for it there.
            stage.Narrator.Tell("asia", underWay < regions.CableA.Delay
                ? $"Alice's message took {underWay.TotalSeconds:0.00} s: by us, where asia asked for it when it was missing; cable A is slower."
                : $"Alice's message took {underWay.TotalSeconds:0.00} s, by cable A.");
        }
    }

    private void CheckStamps(CausalityRegions regions)
    {
        foreach (var region in regions.All)
        {
            var lamports = ((string[])[Lost, Found, Glad]).Select(content => region.Shown(content).Activity.Lamport).ToList();
            stage.Checks.That(
                lamports[0] < lamports[1] && lamports[1] < lamports[2],
                $"the Lamport times of lost, found, glad grow at {region.Name}",
                $"they are {string.Join(", ", lamports)}");
        }

        var glad = regions.Us.Shown(Glad).Activity;
        var found = regions.Us.Shown(Found).Activity;
        stage.Checks.That(glad.Entry.After[found.Origin] >= found.Seq, "Bob's answer depends on Alice's message, which he had read", $"it depends on {glad.Entry.After}");
        CheckOrder(regions.Eu, "lost, found, glad");
        CheckOrder(regions.Us, "lost, found, glad");
    }

    private void CheckHeldBack(CausalityRegions regions, HeldBack? heldBack)
    {
        CheckOrder(regions.Asia, "lost, found, glad");
        var (found, glad) = (regions.Asia.Shown(Found), regions.Asia.Shown(Glad));
        stage.Checks.That(heldBack is not null, "asia held Bob's answer back", "it never stood in asia's waiting room");
        if (heldBack is not null)
        {
            stage.Checks.That(heldBack.Since < found.At, "asia heard Bob before Alice's message", $"it came {(heldBack.Since - found.At).TotalSeconds:0.00} s after it");
            stage.Checks.That(glad.At >= found.At, "asia showed it once that was there, and not before", $"it was shown {(found.At - glad.At).TotalSeconds:0.00} s before");
        }
    }

    private void CheckNothingWaited(CausalityRegions regions, HeldBack? heldBack)
    {
        CheckOrder(regions.Asia, "lost, found, glad");
        stage.Checks.That(heldBack is null, "nothing had to wait", $"Bob's answer waited for {heldBack?.Missing}");
    }

    private void CheckWrongOrder(CausalityRegions regions, HeldBack? heldBack)
    {
        CheckOrder(regions.Asia, "lost, glad, found");
        stage.Checks.That(heldBack is null, "asia held nothing back", $"Bob's answer waited for {heldBack?.Missing}");
        stage.Narrator.Explain("            So it is the dependencies, and nothing else, that keep the order.");
    }

    private void CheckOrder(CausalityRegion region, string expected)
    {
        var order = region.Reader.All.Select(shown => WordOf(shown.Content)).Where(word => word.Length > 0);
        stage.Checks.Same(expected, string.Join(", ", order), $"the order at {region.Name}");
    }

    private static string WordOf(string content) => content == Lost ? "lost" : content == Found ? "found" : content == Glad ? "glad" : "";

    /// <summary>An act.</summary>
    /// <param name="Title">What it is about.</param>
    /// <param name="WaitSeconds">How long Alice waits between her two messages.</param>
    /// <param name="DetourOnA">Whether it is cable A that takes the detour, and not cable B.</param>
    /// <param name="IgnoresDependencies">Whether asia takes part without its waiting room.</param>
    /// <param name="Check">What is promised of asia.</param>
    private sealed record Act(string Title, int WaitSeconds, bool DetourOnA, bool IgnoresDependencies, Action<CausalityRegions, HeldBack?> Check);
}
