using System.Text;
using System.Text.Json;
using Stentor.Client;

namespace Stentor.Cli.Demos.Causality;

/// <summary>A region of the play: its node, someone who reads there, and a client for whoever talks there.</summary>
/// <param name="Name">The region.</param>
/// <param name="Client">A client: what it read, what it says depends on.</param>
/// <param name="Reader">Reads with that client.</param>
/// <param name="Stage">The stage.</param>
internal sealed record CausalityRegion(string Name, StentorClient Client, Reader Reader, Stage Stage)
{
    /// <summary>What was shown here; it must have been.</summary>
    /// <param name="content">The content.</param>
    public Shown Shown(string content) => Reader.Find(content) ?? throw new DemoException($"{Name} never showed: {content}");

    /// <summary>Waits until something is shown here.</summary>
    /// <param name="content">The content.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public Task HearsAsync(string content, CancellationToken cancellationToken) =>
        Stage.UntilAsync($"{Name} shows: {content}", _ => Task.FromResult(Reader.Find(content) is not null), cancellationToken);
}

/// <summary>The three regions of the play, the links between them and the two cables.</summary>
/// <param name="stage">Where they stand.</param>
internal sealed class CausalityRegions(Stage stage)
{
    /// <summary>The simulated distance of each link. 150 ms: the way round by the third region is longer by more than a busy machine is late.</summary>
    public static readonly TimeSpan Distance = TimeSpan.FromMilliseconds(150);

    /// <summary>How much longer a cable becomes. 3 s: far longer than it takes a region to notice that it lacks something, and to ask elsewhere.</summary>
    public static readonly TimeSpan Detour = TimeSpan.FromSeconds(3);

    private const string Channel = "activities"; // Where those may talk who have no account.
    private const string Rehearsal = "rehearsal";

    // A region has an entry pruned on a link that brought it second with so many messages in a row; one more to be sure.
    private const int Rehearsals = 4;

    private static readonly TimeSpan RehearsalGap = TimeSpan.FromMilliseconds(100);

    // What comes by the longer way is here by then, too.
    private static readonly TimeSpan Settling = (2 * Distance) + TimeSpan.FromMilliseconds(300);

    // How often the order of the links may turn out wrong, because a process stood still at the wrong moment, before the demonstration gives up.
    private const int TriesMax = 4;

    private readonly Dictionary<string, TimeSpan> _saidAt = [];
    private CausalityRegion? _eu;
    private CausalityRegion? _us;
    private CausalityRegion? _asia;
    private Cable? _cableA;
    private Cable? _cableB;

    /// <summary>Whether asia takes part without its waiting room: the control run.</summary>
    public bool IgnoresDependencies { get; init; }

    /// <summary>Where Alice talks.</summary>
    public CausalityRegion Eu => Opened(_eu);

    /// <summary>Where Bob talks.</summary>
    public CausalityRegion Us => Opened(_us);

    /// <summary>Where somebody reads.</summary>
    public CausalityRegion Asia => Opened(_asia);

    /// <summary>Between eu and asia.</summary>
    public Cable CableA => Opened(_cableA);

    /// <summary>Between us and asia.</summary>
    public Cable CableB => Opened(_cableB);

    /// <summary>All three.</summary>
    public IReadOnlyList<CausalityRegion> All => [Eu, Us, Asia];

    /// <summary>Starts the regions, links them, and has them find out which way is the shortest.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        var distance = $";delay={Distance.TotalMilliseconds:0}ms";
        var eu = await StartAsync("eu", [], cancellationToken);
        _cableA = stage.Add(new Cable(eu.Address, stage.Time));
        var us = await StartAsync("us", ["--link", $"ws://127.0.0.1:{eu.Address.Port}{distance}"], cancellationToken);
        _cableB = stage.Add(new Cable(us.Address, stage.Time));
        string[] links = ["--link", _cableA.Link + distance, "--link", _cableB.Link + distance];
        var asia = await StartAsync("asia", IgnoresDependencies ? [.. links, "--ignore-dependencies"] : links, cancellationToken);
        if (IgnoresDependencies && asia.Messages is [var warning, ..])
        {
            stage.Narrator.Tell("asia", warning);
        }

        _eu = await EnterAsync(eu, cancellationToken);
        _us = await EnterAsync(us, cancellationToken);
        _asia = await EnterAsync(asia, cancellationToken);
        foreach (var region in All)
        {
            await DemoCluster.LinkedAsync(stage, region.Client, region.Name, links: 2, cancellationToken);
        }

        stage.Narrator.Tell("", "The regions are linked.");
        await RehearseAsync(cancellationToken);
    }

    /// <summary>Someone says something.</summary>
    /// <param name="region">Where.</param>
    /// <param name="speaker">Who.</param>
    /// <param name="content">What.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<PublishOutcome> SayAsync(CausalityRegion region, string speaker, string content, CancellationToken cancellationToken)
    {
        _saidAt[content] = stage.Narrator.Elapsed;
        return await region.Client.PublishAsync(Note(speaker, content), cancellationToken);
    }

    /// <summary>When something was said.</summary>
    /// <param name="content">What.</param>
    public TimeSpan SaidAt(string content) => _saidAt[content];

    /// <summary>Waits until all regions have shown something.</summary>
    /// <param name="content">What.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task ShownEverywhereAsync(string content, CancellationToken cancellationToken)
    {
        foreach (var region in All)
        {
            await region.HearsAsync(content, cancellationToken);
        }
    }

    private static T Opened<T>(T? part)
        where T : class => part ?? throw new System.Diagnostics.UnreachableException("The regions are not there yet.");

    private async Task<DemoNode> StartAsync(string region, string[] options, CancellationToken cancellationToken)
    {
        var node = await stage.StartNodeAsync(region, 0, [.. DemoCluster.Options(stage), .. options], cancellationToken);
        stage.Narrator.Tell(region, $"Process {node.ProcessId} serves {node.Address.GetLeftPart(UriPartial.Authority)}");
        return node;
    }

    private async Task<CausalityRegion> EnterAsync(DemoNode node, CancellationToken cancellationToken)
    {
        var client = stage.NewClient(node);
        var reader = await Reader.OpenAsync(client, Channel, stage.Narrator, shown => Tell(node.Region, shown), cancellationToken);
        return new CausalityRegion(node.Region, client, stage.Add(reader), stage);
    }

    private void Tell(string region, Shown shown)
    {
        if (!shown.Content.StartsWith(Rehearsal, StringComparison.Ordinal))
        {
            stage.Narrator.Tell(region, $"shows  {shown.Line(region)}");
        }
    }

    /// <summary>Has Alice's region send a few entries, until asia takes them over cable A only.</summary>
    private async Task RehearseAsync(CancellationToken cancellationToken)
    {
        for (var attempt = 1; attempt <= TriesMax; attempt++)
        {
            for (var i = 1; i <= Rehearsals; i++)
            {
                await RehearseAsync($"{Rehearsal} {attempt}.{i}", RehearsalGap, cancellationToken);
            }

            // Other entries may be under way, those of a cluster that is being founded: then this tells nothing, and is done again.
            for (var i = 1; i <= Rehearsals; i++)
            {
                await Task.Delay(Settling, stage.Time, cancellationToken);
                var before = await Asia.Client.GetClusterAsync(cancellationToken);
                await RehearseAsync($"{Rehearsal} {attempt}, look {i}", Settling, cancellationToken);
                var after = await Asia.Client.GetClusterAsync(cancellationToken);
                var (byA, byB) = (Received("eu"), Received("us"));
                if (byA > 0 && byB == 0)
                {
                    stage.Narrator.Tell("asia", "What Alice says comes by cable A, and by cable A only.");
                    return;
                }

                long Received(string region) => DemoCluster.ReceivedFrom(after, region) - DemoCluster.ReceivedFrom(before, region);
            }

            await CableA.CutAsync();
            await CableB.CutAsync();
            await DemoCluster.LinkedAsync(stage, Asia.Client, "asia", links: 2, cancellationToken);
        }

        throw new DemoException("asia did not come to take what Alice says by cable A only: this machine is too busy for these distances. Try again when it is less so.");
    }

    private async Task RehearseAsync(string content, TimeSpan pause, CancellationToken cancellationToken)
    {
        await SayAsync(Eu, "Alice", content, cancellationToken);
        await ShownEverywhereAsync(content, cancellationToken);
        await Task.Delay(pause, stage.Time, cancellationToken);
    }

    private static Publish Note(string speaker, string content)
    {
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            writer.WriteString("type", "Note");
            writer.WriteString("actor", speaker);
            writer.WriteString("content", content);
            writer.WriteEndObject();
        }

        return Publish.Json(Channel, Encoding.UTF8.GetString(json.ToArray()));
    }
}
