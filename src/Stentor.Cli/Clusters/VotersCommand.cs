using System.CommandLine;
using System.Text.Json;
using Stentor.Cli.Clients;
using Stentor.Cli.CommandLine;
using Stentor.Client;
using Stentor.Protocol;

namespace Stentor.Cli.Clusters;

/// <summary><c>stentor voters</c>: shows the regions that decide whose a name is, and changes them.</summary>
internal sealed class VotersCommand : ClientCommand
{
    private readonly Option<bool> _json = CommonOptions.Json("Print JSON, as the node gives it.");

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public VotersCommand(Surroundings around)
        : base("voters", "Show the cluster's regions and which of them vote on names, or change that.", around)
    {
        Add(new ChangeCommand("add", "Make a region a voter.", around, ["ORIGIN"], (client, origins, stop) => client.AddVoterAsync(origins[0], stop)));
        Add(new ChangeCommand("remove", "Make a region no voter any more.", around, ["ORIGIN"], (client, origins, stop) => client.RemoveVoterAsync(origins[0], stop)));
        Add(new ChangeCommand("replace", "Put a region in the place of a voter that lost its disk.", around, ["OLD", "NEW"], (client, origins, stop) => client.ReplaceVoterAsync(origins[0], origins[1], stop)));
        AddOptions(_json);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "stentor voters",
        "# asia lost its disk, and came back under a new origin",
        "stentor voters replace asia-1c44a0d2 asia-9b07e351 --user operator --secret-file stentor-data/operator.secret",
    ];

    /// <inheritdoc/>
    protected override bool Reads => true;

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, StentorClient client, CancellationToken cancellationToken)
    {
        Print(await client.GetVotersAsync(cancellationToken), parsed.GetValue(_json), Around);
        return ExitCode.Done;
    }

    private static void Print(ClusterVoters voters, bool json, Surroundings around)
    {
        var output = new OutputLines(around.Out);
        foreach (var line in json ? [JsonSerializer.Serialize(voters.Json, CommandJson.Default.JsonElement)] : VotersText.Lines(voters))
        {
            output.Add(line);
        }

        output.Flush();
    }

    /// <summary><c>stentor voters add</c>, <c>remove</c> and <c>replace</c>.</summary>
    private sealed class ChangeCommand : ClientCommand
    {
        private readonly string _example;
        private readonly List<Argument<string>> _origins;
        private readonly Option<bool> _json = CommonOptions.Json("Print JSON, as the node gives it.");
        private readonly Func<StentorClient, IReadOnlyList<OriginId>, CancellationToken, Task<ClusterVoters>> _change;

        public ChangeCommand(
            string name, string description, Surroundings around, IEnumerable<string> origins, Func<StentorClient, IReadOnlyList<OriginId>, CancellationToken, Task<ClusterVoters>> change)
            : base(name, description, around)
        {
            _change = change;
            _origins = [.. origins.Select(o => new Argument<string>(o) { Description = DescriptionOf(o) }.By(ValueRules.Origin))];
            _example = $"stentor voters {name} {string.Join(' ', ((string[])["asia-1c44a0d2", "asia-9b07e351"]).Take(_origins.Count))} --user operator --secret-file stentor-data/operator.secret";
            foreach (var origin in _origins)
            {
                Add(origin);
            }

            AddOptions(_json);
        }

        /// <inheritdoc/>
        public override IReadOnlyList<string> Examples => [_example];

        /// <inheritdoc/>
        protected override async Task<int> RunAsync(ParseResult parsed, StentorClient client, CancellationToken cancellationToken)
        {
            OriginId[] origins = [.. _origins.Select(o => new OriginId(parsed.GetRequiredValue(o)))];
            Print(await _change(client, origins, cancellationToken), parsed.GetValue(_json), Around);
            return ExitCode.Done;
        }

        private static string DescriptionOf(string argument) => argument switch
        {
            "OLD" => "The origin of the voter that will never vote again.",
            "NEW" => "The origin of the region that votes in its place.",
            _ => "The region's origin, as stentor voters shows it.",
        };
    }
}

/// <summary>Voters as lines for people: who decides, then every region and what it is.</summary>
internal static class VotersText
{
    /// <summary>The lines.</summary>
    /// <param name="voters">The node's answer.</param>
    public static IEnumerable<string> Lines(ClusterVoters voters)
    {
        yield return $"cluster {EntryText.Printable(voters.Cluster)}, voters version {voters.Version}: {voters.Majority} of {voters.Voters.Count} decide";

        // A voter that has said nothing of itself is not among the regions: the founder, for its first moment.
        var regions = voters.Regions.Concat(voters.Voters.Except(voters.Regions.Select(r => r.Origin)).Select(v => new ClusterMember(v, "", WishesVote: true, HasLeft: false, IsVoter: true))).ToList();
        var width = regions.Count == 0 ? 0 : regions.Max(r => r.Origin.Value.Length);
        foreach (var region in regions)
        {
            var other = regions.Find(r => r.IsVoter && r.Region == region.Region && r.Origin != region.Origin);
            yield return $"{EntryText.Printable(region.Origin.Value.PadRight(width))}  {StandingOf(region, other)}";
        }

        foreach (var proposed in voters.Proposed)
        {
            yield return $"proposed, not decided: {NamesOf(proposed.Voters)} (votes of {NamesOf(proposed.Votes)})";
        }
    }

    private static string StandingOf(ClusterMember region, ClusterMember? other) => region switch
    {
        { HasLeft: true, IsVoter: true } => "leaving, still a voter",
        { HasLeft: true } => "left",
        { IsVoter: true } => "voter",
        _ when other is not null => EntryText.Printable($"no voter; {region.Region} votes as {other.Origin}"),
        { WishesVote: true } => "no voter, would be one",
        _ => "no voter",
    };

    private static string NamesOf(IReadOnlyList<OriginId> origins) => origins.Count == 0 ? "nobody yet" : EntryText.Printable(string.Join(", ", origins));
}
