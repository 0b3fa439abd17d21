using System.Globalization;
using System.Text.Json;

namespace Stentor.Cli.Olympics.Replay;

/// <summary>The tallies of teams as a table: most gold medals first, then silver, then bronze, then by name. Teams without medals are left out.</summary>
/// <param name="tallies">The tallies by their teams.</param>
internal sealed class MedalTable(IReadOnlyDictionary<string, Tally> tallies)
{
    /// <summary>The rows, in order.</summary>
    public IReadOnlyList<MedalRow> Rows { get; } =
    [
        .. tallies.Where(pair => pair.Value.Total > 0)
            .OrderByDescending(pair => pair.Value.Gold).ThenByDescending(pair => pair.Value.Silver).ThenByDescending(pair => pair.Value.Bronze).ThenBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => new MedalRow(pair.Key, pair.Value.Gold, pair.Value.Silver, pair.Value.Bronze)),
    ];

    /// <summary>The table for people.</summary>
    public IEnumerable<string> ForPeople()
    {
        var width = Rows.Select(row => row.Team.Length).Append("team".Length).Max();
        string Line(string rank, string team, string gold, string silver, string bronze, string total) =>
            string.Create(CultureInfo.InvariantCulture, $"{rank,4}  {team.PadRight(width)}  {gold,6}  {silver,6}  {bronze,6}  {total,6}");
        yield return Line("", "team", "gold", "silver", "bronze", "total");
        for (var i = 0; i < Rows.Count; i++)
        {
            var row = Rows[i];
            yield return Line($"{i + 1}", row.Team, $"{row.Gold}", $"{row.Silver}", $"{row.Bronze}", $"{row.Gold + row.Silver + row.Bronze}");
        }
    }

    /// <summary>The table for programs, an object a line.</summary>
    public IEnumerable<string> ForPrograms() => Rows.Select(row => JsonSerializer.Serialize(row, CommandJson.Default.MedalRow));

    /// <summary>Where tallies are not what they should be, a line a team.</summary>
    /// <param name="expected">What they should be.</param>
    /// <param name="actual">What they are; a team that is not there has no medals.</param>
    public static IReadOnlyList<string> Differences(IReadOnlyDictionary<string, Tally> expected, IReadOnlyDictionary<string, Tally> actual) =>
        [.. expected.Where(pair => actual.GetValueOrDefault(pair.Key) != pair.Value).Select(pair => $"{pair.Key} has {actual.GetValueOrDefault(pair.Key)} in place of {pair.Value}")];
}

/// <summary>A row of the medal table as JSON.</summary>
internal sealed record MedalRow(string Team, long Gold, long Silver, long Bronze);
