using System.CommandLine;
using Stentor.Gateways;
using Stentor.Protocol;

namespace Stentor.Cli.Serving;

/// <summary>Which teams and events there are: options that the server of a scoreboard and its clients share.</summary>
internal sealed class ScoreboardOptions
{
    private static readonly XmlRpcOptions Defaults = new();

    private readonly Option<string?> _teams = new("--teams") { Description = $"The teams, with commas between. Default: {string.Join(", ", Defaults.Teams)}.", HelpName = "A,B,…" };
    private readonly Option<string?> _teamsFile = new("--teams-file") { Description = "A file with the teams, one name a line.", HelpName = "FILE" };
    private readonly Option<string?> _events = new("--events") { Description = $"The events, with commas between. Default: {string.Join(", ", Defaults.Events)}.", HelpName = "A,B,…" };
    private readonly Option<string?> _eventsFile = new("--events-file") { Description = "A file with the events, one name a line.", HelpName = "FILE" };

    /// <summary>All of them, in the order of the help.</summary>
    public IReadOnlyList<Option> Options => [_teams, _teamsFile, _events, _eventsFile];

    /// <summary>The teams, as they are shown.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="around">What the command finds around it.</param>
    /// <exception cref="CommandException">There are none, or two with one channel, or the file cannot be read.</exception>
    public IReadOnlyList<string> Teams(ParseResult parsed, Surroundings around) => Read(parsed, around, _teams, _teamsFile, Defaults.Teams, isTeam: true);

    /// <summary>The events, as they are shown.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="around">What the command finds around it.</param>
    /// <exception cref="CommandException">There are none, or two with one channel, or the file cannot be read.</exception>
    public IReadOnlyList<string> Events(ParseResult parsed, Surroundings around) => Read(parsed, around, _events, _eventsFile, Defaults.Events, isTeam: false);

    private static IReadOnlyList<string> Read(ParseResult parsed, Surroundings around, Option<string?> list, Option<string?> file, IReadOnlyList<string> initial, bool isTeam)
    {
        var given = parsed.GetValue(list);
        var path = parsed.GetValue(file);
        if (given is not null && path is not null)
        {
            throw CommandException.Usage($"{list.Name} and {file.Name} say the same: give one of them.");
        }

        const StringSplitOptions Clean = StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries;
        IReadOnlyList<string> names = given?.Split(',', Clean) ?? (path is null ? initial : ReadFile(around.PathOf(path), file.Name));
        if (names.Count == 0)
        {
            throw CommandException.Usage($"{(path is null ? list.Name : $"'{Printable.Cut(path)}'")} holds no name.");
        }

        try
        {
            ScoreboardNames.Of(names, isTeam);
            return names;
        }
        catch (FormatException e)
        {
            throw CommandException.Usage($"{(path is null ? list : file).Name}: {e.Message}");
        }

        static string[] ReadFile(string path, string option)
        {
            try
            {
                return File.ReadAllText(path).Split('\n', Clean);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw CommandException.Usage($"{option}: {e.Message}");
            }
        }
    }
}
