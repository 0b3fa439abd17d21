using System.Globalization;
using Stentor.Gateways;
using Stentor.Protocol;

namespace Stentor.Cli.Olympics.Replay;

/// <summary>A medal that somebody won.</summary>
/// <param name="Id">What tells it from all others, in every run alike.</param>
/// <param name="Athlete">Who won it.</param>
/// <param name="Team">For which team.</param>
/// <param name="Sport">In which sport.</param>
/// <param name="Kind">gold, silver or bronze.</param>
/// <param name="Score">The score of the sport after it.</param>
internal sealed record Medal(string Id, string Athlete, string Team, string Sport, string Kind, string Score);

/// <summary>The medals of past games, as a file of athletes tells them.</summary>
/// <param name="Teams">The teams, in the order in which they appear in the file.</param>
/// <param name="Sports">The sports, in the order in which they appear in the file.</param>
/// <param name="Medals">The medals in the order in which they are played: sport by sport, in each the athletes as the file has them, gold first.</param>
/// <param name="Totals">What the medals of each team add up to.</param>
/// <param name="Finals">The last score of each sport in which there was a medal.</param>
internal sealed record Games(
    IReadOnlyList<string> Teams, IReadOnlyList<string> Sports, IReadOnlyList<Medal> Medals, IReadOnlyDictionary<string, Tally> Totals, IReadOnlyDictionary<string, string> Finals)
{
    // An athlete with more medals of a kind is a mistake of the file; without a bound one digit too many would be a billion medals.
    private const int MedalsMax = 100;

    private static readonly string[] Kinds = ["gold", "silver", "bronze"];
    private static readonly string[] Columns = ["id", "name", "nationality", "sport", .. Kinds];

    /// <summary>Reads the file of athletes: columns <c>id</c>, <c>name</c>, <c>nationality</c>, <c>sport</c>, <c>gold</c>, <c>silver</c>, <c>bronze</c>, in any order, among others.</summary>
    /// <param name="text">The file.</param>
    /// <exception cref="FormatException">It is no such file; the message names the line.</exception>
    public static Games Read(TextReader text)
    {
        var (teams, sports, ids) = (new List<string>(), new List<string>(), new Dictionary<string, int>(StringComparer.Ordinal));
        var (teamNames, sportNames) = (new Dictionary<string, string>(StringComparer.Ordinal), new Dictionary<string, string>(StringComparer.Ordinal));
        var wins = new List<(string Id, string Athlete, string Team, string Sport, int[] Counts)>();
        using var rows = CsvReader.Read(text).GetEnumerator();
        var places = rows.MoveNext() ? PlacesOf(rows.Current) : throw new FormatException("The file is empty; its first line must name the columns.");
        while (rows.MoveNext())
        {
            var row = rows.Current;
            if (row.Cells.Count <= places.Max())
            {
                throw new FormatException($"Line {row.Line}: it has {row.Cells.Count} values, and the first line names more columns.");
            }

            string[] cells = [.. places.Select(place => row.Cells[place])];
            var id = NotEmpty(cells[0], "id", row.Line);
            if (!ids.TryAdd(id, row.Line))
            {
                throw new FormatException($"Line {row.Line}: the id '{Printable.Cut(id)}' stands in line {ids[id]} already.");
            }

            var team = NameOf(cells[2], isTeam: true, teamNames, teams, row.Line);
            var sport = NameOf(cells[3], isTeam: false, sportNames, sports, row.Line);
            wins.Add((id, cells[1], team, sport, [.. Kinds.Select((kind, index) => CountOf(cells[4 + index], kind, row.Line))]));
        }

        return Play(teams, sports, wins);
    }

    private static Games Play(List<string> teams, List<string> sports, List<(string Id, string Athlete, string Team, string Sport, int[] Counts)> wins)
    {
        var medals = new List<Medal>();
        var totals = teams.ToDictionary(team => team, _ => default(Tally), StringComparer.Ordinal);
        var finals = new Dictionary<string, string>(StringComparer.Ordinal);
        var bySport = wins.ToLookup(win => win.Sport, StringComparer.Ordinal);
        foreach (var sport in sports)
        {
            var race = new Race();
            foreach (var (id, athlete, team, _, counts) in bySport[sport])
            {
                for (var kind = 0; kind < Kinds.Length; kind++)
                {
                    for (var n = 1; n <= counts[kind]; n++)
                    {
                        race.Win(team);
                        totals[team] = totals[team].With(Kinds[kind]);
                        medals.Add(new Medal(string.Create(CultureInfo.InvariantCulture, $"medal-{id}-{Kinds[kind]}-{n}"), athlete, team, sport, Kinds[kind], race.Lead));
                    }
                }
            }

            if (race.Result is { } result)
            {
                finals.Add(sport, result);
            }
        }

        return new Games(teams, sports, medals, totals, finals);
    }

    private static int[] PlacesOf(CsvRow header)
    {
        List<string> names = [.. header.Cells.Select(name => name.Trim('\uFEFF', ' ').ToLowerInvariant())];
        string[] missing = [.. Columns.Where(column => !names.Contains(column))];
        return missing.Length == 0
            ? [.. Columns.Select(column => names.IndexOf(column))]
            : throw new FormatException($"Line {header.Line}: there {(missing.Length == 1 ? "is no column" : "are no columns")} {string.Join(", ", missing)}; the first line must name {string.Join(", ", Columns)}.");
    }

    /// <summary>The name as it was first written: names are alike without regard to case, as their channels are.</summary>
    private static string NameOf(string text, bool isTeam, Dictionary<string, string> known, List<string> all, int line)
    {
        var name = NotEmpty(text, isTeam ? "nationality" : "sport", line);
        try
        {
            var token = ScoreboardNames.Of([name], isTeam).All[0].Token;
            if (known.TryAdd(token, name))
            {
                all.Add(name);
            }

            return known[token];
        }
        catch (FormatException e)
        {
            throw new FormatException($"Line {line}: {e.Message}", e);
        }
    }

    private static string NotEmpty(string text, string column, int line) =>
        text.Trim() is { Length: > 0 } value ? value : throw new FormatException($"Line {line}: there is no {column}.");

    private static int CountOf(string text, string column, int line) =>
        int.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count <= MedalsMax
            ? count
            : throw new FormatException($"Line {line}: '{Printable.Cut(text)}' is no count of {column} medals: a whole number from 0 to {MedalsMax}.");

    /// <summary>Which team has the most medals in a sport; of several the one that had them first.</summary>
    private sealed class Race
    {
        private readonly Dictionary<string, int> _medals = new(StringComparer.Ordinal);
        private string? _leader;

        /// <summary>Who leads, in words.</summary>
        public string Lead => _leader is null ? "" : $"{_leader} leads with {Count(_medals[_leader])}";

        /// <summary>Who has won, in words; null when there was no medal.</summary>
        public string? Result => _leader is null ? null : $"{_leader} wins with {Count(_medals[_leader])}";

        public void Win(string team)
        {
            _medals[team] = _medals.GetValueOrDefault(team) + 1;
            _leader = _leader is null || _medals[team] > _medals[_leader] ? team : _leader;
        }

        private static string Count(int medals) => medals == 1 ? "1 medal" : string.Create(CultureInfo.InvariantCulture, $"{medals} medals");
    }
}

/// <summary>A team's medals.</summary>
/// <param name="Gold">Gold medals.</param>
/// <param name="Silver">Silver medals.</param>
/// <param name="Bronze">Bronze medals.</param>
internal readonly record struct Tally(long Gold, long Silver, long Bronze)
{
    /// <summary>All medals.</summary>
    public long Total => Gold + Silver + Bronze;

    /// <summary>Reads a tally as a scoreboard tells it over XML-RPC; what is no struct of whole numbers counts nothing.</summary>
    /// <param name="told">What it tells.</param>
    public static Tally Of(XmlRpcValue told)
    {
        long Count(string kind) => told is XmlRpcValue.Struct fields && fields.Find(kind) is XmlRpcValue.Whole count ? count.Value : 0;
        return new Tally(Count("gold"), Count("silver"), Count("bronze"));
    }

    /// <summary>With one medal more.</summary>
    /// <param name="kind">gold, silver or bronze.</param>
    public Tally With(string kind) => kind switch
    {
        "gold" => this with { Gold = Gold + 1 },
        "silver" => this with { Silver = Silver + 1 },
        "bronze" => this with { Bronze = Bronze + 1 },
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "There is no such medal."),
    };

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Gold} gold, {Silver} silver, {Bronze} bronze");
}
