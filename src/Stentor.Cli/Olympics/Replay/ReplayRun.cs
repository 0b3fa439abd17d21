using System.Runtime.CompilerServices;
using System.Text.Json;
using Stentor.Client;
using Stentor.Gateways;

namespace Stentor.Cli.Olympics.Replay;

/// <summary>
/// Publishes the medals of past games, each with an id of its own: what an earlier run has published already is not counted again. And each sport's score,
/// which follows from its medals.
/// </summary>
/// <param name="client">The client, as the one who may write.</param>
/// <param name="games">The games.</param>
/// <param name="time">The clock.</param>
internal sealed class ReplayRun(StentorClient client, Games games, TimeProvider time)
{
    private int _played;

    /// <summary>How many medals are recorded.</summary>
    public int Played => Volatile.Read(ref _played);

    /// <summary>How many of them were recorded by an earlier run.</summary>
    public int Known { get; private set; }

    /// <summary>Plays all medals.</summary>
    /// <param name="perSecond">Medals a second; null for as fast as they are taken.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StentorException">One was refused, or has no outcome.</exception>
    public async Task PlayAsync(double? perSecond, CancellationToken cancellationToken)
    {
        await foreach (var result in client.PublishAsync(MedalsAsync(perSecond, cancellationToken), cancellationToken))
        {
            if (result.Error is { } error)
            {
                throw error;
            }

            if (result.Publish.Effect is { Add.Length: > 0 })
            {
                Known += result.Outcome!.Duplicate ? 1 : 0; // Either an error or an outcome.
                Interlocked.Increment(ref _played);
            }
        }

        // When all is recorded, whatever the order in which a busy node took it: the last score is the last.
        foreach (var (sport, score) in games.Finals)
        {
            await client.PublishAsync(Score($"score-{ScoreboardNames.TokenOf(sport)}-final", sport, score), cancellationToken);
        }
    }

    /// <summary>The tallies of all teams, as they are now.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<IReadOnlyDictionary<string, Tally>> ReadAsync(CancellationToken cancellationToken)
    {
        var tallies = new Dictionary<string, Tally>(StringComparer.Ordinal);
        foreach (var team in games.Teams)
        {
            var state = await client.GetStateAsync(Channel(team, isTeam: true), cancellationToken);
            tallies.Add(team, new Tally(CountOf(state, "gold"), CountOf(state, "silver"), CountOf(state, "bronze")));
        }

        return tallies;
    }

    private async IAsyncEnumerable<Publish> MedalsAsync(double? perSecond, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var start = time.GetTimestamp();
        for (var i = 0; i < games.Medals.Count; i++)
        {
            var wait = perSecond is { } rate ? TimeSpan.FromSeconds(i / rate) - time.GetElapsedTime(start) : TimeSpan.Zero;
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, time, cancellationToken);
            }

            var medal = games.Medals[i];
            yield return new Publish
            {
                Channel = Channel(medal.Team, isTeam: true),
                Id = medal.Id,
                Activity = ActivityOf(medal),
                Effect = new EffectBuilder().Add(medal.Kind, 1).Build(),
            };
            yield return Score($"{medal.Id}-score", medal.Sport, medal.Score);
        }
    }

    private static Publish Score(string id, string sport, string score) => new()
    {
        Channel = Channel(sport, isTeam: false),
        Id = id,
        Effect = new EffectBuilder().Set("score", score).Build(),
    };

    private static string Channel(string name, bool isTeam) => ScoreboardNames.Of([name], isTeam).All[0].Channel;

    /// <summary>Who won what, as an activity (ActivityStreams 2.0 has no medals; to be added to a collection is the nearest).</summary>
    private static byte[] ActivityOf(Medal medal)
    {
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            writer.WriteString("type", "Add");
            writer.WriteStartObject("actor");
            writer.WriteString("type", "Person");
            writer.WriteString("name", medal.Athlete);
            writer.WriteEndObject();
            writer.WriteString("object", $"{medal.Kind} medal");
            writer.WriteString("context", medal.Sport);
            writer.WriteEndObject();
        }

        return json.ToArray();
    }

    private static long CountOf(ChannelState? state, string kind) => state?.Field<decimal>(kind) is { } count ? (long)count : 0;
}
