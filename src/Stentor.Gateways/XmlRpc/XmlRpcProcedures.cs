using System.Globalization;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>A procedure that can be called.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Parameters">What it takes, in order.</param>
/// <param name="Help">What it does, what it answers.</param>
/// <param name="Answer">Does it. A <see cref="ProtocolException"/> becomes an error string.</param>
internal sealed record XmlRpcProcedure(string Name, IReadOnlyList<string> Parameters, string Help, Func<XmlRpcRequest, ValueTask<XmlRpcValue>> Answer)
{
    /// <summary>What the last argument is kept out of logs for: it is a password.</summary>
    public bool HasPassword => Parameters is [.., "password"];
}

/// <summary>A call on its way.</summary>
/// <param name="Arguments">As many as the procedure takes.</param>
/// <param name="Caller">Who calls.</param>
/// <param name="Aborted">The caller is gone.</param>
internal readonly record struct XmlRpcRequest(IReadOnlyList<XmlRpcValue> Arguments, TabletCaller Caller, CancellationToken Aborted);

/// <summary>
/// The remote procedures of the scoreboard. What is asked for wrongly is answered with a string that starts with <c>Error: </c>; what is done and has nothing to
/// tell with <c>true</c>, so that no error can be taken for it.
/// </summary>
internal sealed class XmlRpcProcedures
{
    /// <summary>What every error string starts with.</summary>
    public const string ErrorStart = "Error: ";

    // So many names are told in an error; more help nobody.
    private const int NamesToldMax = 12;

    private static readonly XmlRpcValue Done = new XmlRpcValue.Truth(true);

    private readonly Services _services;
    private readonly Scoreboard _scoreboard;
    private readonly Tablets _tablets;
    private readonly XmlRpcOptions _options;

    /// <summary>Makes them.</summary>
    /// <param name="services">What answers share.</param>
    /// <param name="scoreboard">The scoreboard.</param>
    /// <param name="tablets">Who wants to hear of updates.</param>
    /// <param name="options">How they are served.</param>
    public XmlRpcProcedures(Services services, Scoreboard scoreboard, Tablets tablets, XmlRpcOptions options)
    {
        (_services, _scoreboard, _tablets, _options) = (services, scoreboard, tablets, options);
        All =
        [
            new("get_medal_tally", ["team_name"], options.TallyFormat == TallyFormat.Struct
                ? "The medals of a team: a struct of the integers gold, silver and bronze."
                : "The medals of a team: its name and three lines of text.", GetTally),
            new("get_score", ["event_type"], "The score of an event: the value that was set last; the empty string before.", GetScore),
            new("increment_medal_tally", ["team_name", "medal_type", "password"], "Gives a team one medal more: gold, silver or bronze. Only the writer knows the password. Answers true.", IncrementAsync),
            new("set_score", ["event_type", "score", "password"], "Sets the score of an event to any value. Only the writer knows the password. Answers true.", SetScoreAsync),
            new("register_client", ["client_id", "events", "teams"], "Registers a client, [host, port], for every update of these events and teams: it is called with print_score_for_event(score) and print_medal_tally_for_team(medal_tally), or, where it does not take that, with the time of the update in seconds as a second argument. Answers true; where some names are unknown, an error that names them, and the client is registered for the others.", RegisterAsync),
            new("push_update_for_event", ["clients", "event_type"], "Calls these clients, of those who registered for the event, with its score; an empty list for all of them. Answers true.", request => Push(request, isTeam: false)),
            new("push_update_for_team", ["clients", "team_name"], "Calls these clients, of those who registered for the team, with its tally; an empty list for all of them. Answers true.", request => Push(request, isTeam: true)),
            new("system.listMethods", [], "The names of all methods.", _ => new(new XmlRpcValue.List([.. All!.Select(p => new XmlRpcValue.Text(p.Name))]))), // Called after they are made.
            new("system.methodHelp", ["method"], "What a method takes, does and answers.", MethodHelp),
        ];
    }

    /// <summary>All of them.</summary>
    public IReadOnlyList<XmlRpcProcedure> All { get; }

    /// <summary>Finds one; null when there is none of that name.</summary>
    /// <param name="name">Its name, case and all.</param>
    public XmlRpcProcedure? Find(string name)
    {
        foreach (var procedure in All)
        {
            if (procedure.Name == name)
            {
                return procedure;
            }
        }

        return null;
    }

    /// <summary>Answers a call.</summary>
    /// <param name="procedure">What is called.</param>
    /// <param name="request">With what, and by whom.</param>
    /// <returns>The answer, or an error string.</returns>
    public static async ValueTask<XmlRpcValue> AnswerAsync(XmlRpcProcedure procedure, XmlRpcRequest request)
    {
        try
        {
            return request.Arguments.Count == procedure.Parameters.Count ? await procedure.Answer(request)
                : Error($"{procedure.Name} takes {Count(procedure.Parameters.Count)} ({string.Join(", ", procedure.Parameters)}), not {request.Arguments.Count}.");
        }
        catch (ProtocolException e)
        {
            return Error(e.Message);
        }
    }

    private ValueTask<XmlRpcValue> GetTally(XmlRpcRequest request) => new(_scoreboard.Read(SubjectOf(request.Arguments[0], isTeam: true), out _));

    private ValueTask<XmlRpcValue> GetScore(XmlRpcRequest request) => new(_scoreboard.Read(SubjectOf(request.Arguments[0], isTeam: false), out _));

    private async ValueTask<XmlRpcValue> IncrementAsync(XmlRpcRequest request)
    {
        var team = SubjectOf(request.Arguments[0], isTeam: true);
        var medal = Scoreboard.MedalOf(TextOf(request.Arguments[1], "medal_type"));
        return await MayWriteAsync(request) is { } error ? error : Answer(await _scoreboard.IncrementAsync(team, medal));
    }

    private async ValueTask<XmlRpcValue> SetScoreAsync(XmlRpcRequest request)
    {
        var subject = SubjectOf(request.Arguments[0], isTeam: false);
        return await MayWriteAsync(request) is { } error ? error : Answer(await _scoreboard.SetAsync(subject, request.Arguments[1]));
    }

    /// <summary>Whether the third argument is the writer's password.</summary>
    /// <returns>Null when it is; otherwise the error string.</returns>
    private async ValueTask<XmlRpcValue?> MayWriteAsync(XmlRpcRequest request)
    {
        var password = TextOf(request.Arguments[2], "password");
        var login = await _services.Throttle.LoginAsync(XmlRpcOptions.Writer, password, request.Caller.Address, request.Aborted);
        if (login.Credential is not null)
        {
            return _services.Throttle.MayPublish(XmlRpcOptions.Writer, request.Caller.Address, out var wait) ? null : TooMany("writes", wait);
        }

        return login.Refusal is { Type: ErrorType.RateLimited } ? TooMany("wrong passwords", login.RetryAfter)
            : _services.Accounts.IsKnown(XmlRpcOptions.Writer) ? Error("the password is wrong. Nothing was changed.")
            : Error($"there is no account '{XmlRpcOptions.Writer}' yet, whose secret the password is. Register it (stentor register {XmlRpcOptions.Writer}).");
    }

    private async ValueTask<XmlRpcValue> RegisterAsync(XmlRpcRequest request)
    {
        var address = TabletAddress.Of(request.Arguments[0], request.Caller);
        var unknown = new List<string>();
        List<ScoreboardSubject> subjects = [.. Named(request.Arguments[1], "events", _scoreboard.Events, "an event", unknown), .. Named(request.Arguments[2], "teams", _scoreboard.Teams, "a team", unknown)];
        if (!_services.Throttle.MayPublish(Username.Anonymous, request.Caller.Address, out var wait))
        {
            return TooMany("registrations", wait);
        }

        await address.CheckAsync(request.Caller, _options.Callbacks, request.Aborted);
        if (subjects.Count == 0)
        {
            return Error(unknown.Count == 0
                ? "events and teams are both empty. Nothing was registered."
                : $"{string.Join("; ", unknown)}. Nothing was registered.");
        }

        return await _tablets.RegisterAsync(address, request.Caller, subjects, request.Aborted) is { } refusal ? Error(refusal.Detail)
            : unknown.Count == 0 ? Done
            : Error($"{string.Join("; ", unknown)}. {address} is registered for {string.Join(", ", subjects.Select(subject => subject.Name).Distinct())}.");
    }

    private ValueTask<XmlRpcValue> Push(XmlRpcRequest request, bool isTeam)
    {
        var subject = SubjectOf(request.Arguments[1], isTeam);
        if (request.Arguments[0] is not XmlRpcValue.List clients)
        {
            throw Wrong("clients", "an array of clients, each [host, port]", request.Arguments[0]);
        }

        List<TabletAddress> only = [.. clients.Items.Select(client => TabletAddress.Of(client, request.Caller))];
        if (!_services.Throttle.MayPublish(Username.Anonymous, request.Caller.Address, out var wait))
        {
            return new(TooMany("pushes", wait));
        }

        var strangers = _tablets.Push(subject, only.Count == 0 ? null : only);
        return new(strangers.Count == 0 ? Done : Error($"{string.Join(", ", strangers.Take(NamesToldMax))} did not register for '{subject.Name}' and got nothing."));
    }

    private ValueTask<XmlRpcValue> MethodHelp(XmlRpcRequest request)
    {
        var name = TextOf(request.Arguments[0], "method");
        return new(Find(name) is { } procedure
            ? new XmlRpcValue.Text($"{procedure.Name}({string.Join(", ", procedure.Parameters)}): {procedure.Help}")
            : Error($"there is no method '{Printable.Cut(name)}'. system.listMethods names all."));
    }

    private ScoreboardSubject SubjectOf(XmlRpcValue argument, bool isTeam)
    {
        var name = TextOf(argument, isTeam ? "team_name" : "event_type");
        var names = isTeam ? _scoreboard.Teams : _scoreboard.Events;
        return names.Find(name) ?? throw new ProtocolException(
            ErrorType.NotFound,
            $"'{Printable.Cut(name)}' is not {(isTeam ? "a team" : "an event")}. The {(isTeam ? "teams" : "events")} are {string.Join(", ", names.All.Take(NamesToldMax).Select(subject => subject.Name))}{(names.All.Count > NamesToldMax ? " and others" : "")}.");
    }

    private static IEnumerable<ScoreboardSubject> Named(XmlRpcValue argument, string parameter, ScoreboardNames names, string kind, List<string> unknown)
    {
        if (argument is not XmlRpcValue.List list)
        {
            throw Wrong(parameter, "an array of names", argument);
        }

        foreach (var item in list.Items)
        {
            if (item is XmlRpcValue.Text name && names.Find(name.Value) is { } subject)
            {
                yield return subject;
            }
            else if (unknown.Count < NamesToldMax)
            {
                unknown.Add($"'{Printable.Cut(XmlRpcText.Of(item))}' is not {kind}");
            }
        }
    }

    private static string TextOf(XmlRpcValue argument, string parameter) =>
        argument is XmlRpcValue.Text text ? text.Value : throw Wrong(parameter, "a string", argument);

    private static XmlRpcValue Answer(Refusal? refusal) => refusal is null ? Done : Error(refusal.Detail);

    private static XmlRpcValue TooMany(string what, TimeSpan wait) =>
        Error(string.Create(CultureInfo.InvariantCulture, $"too many {what} in a short time. Try again in {Math.Max(1, Math.Ceiling(wait.TotalSeconds)):0} s."));

    private static XmlRpcValue.Text Error(string detail) => new(ErrorStart + detail);

    private static string Count(int parameters) => parameters switch
    {
        0 => "no arguments",
        1 => "one argument",
        _ => string.Create(CultureInfo.InvariantCulture, $"{parameters} arguments"),
    };

    private static ProtocolException Wrong(string parameter, string expected, XmlRpcValue found) =>
        new(ErrorType.Malformed, $"{parameter} must be {expected}, not {found.Kind}.");
}
