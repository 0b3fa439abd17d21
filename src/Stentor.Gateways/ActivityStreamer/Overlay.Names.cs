using System.Globalization;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <content>Usernames: who is asked for one, and what others ask.</content>
internal sealed partial class Overlay
{
    // Requests that answers may still come for. 10,000 a minute is far more than secrets can be hashed.
    private const int RequestsMax = 10_000;
    private const long RequestMs = 60_000;

    private static readonly Source Self = new("", 0);

    private readonly Dictionary<(string Username, string Secret), Request> _requests = [];
    private readonly Queue<(string Username, string Secret)> _requestOrder = new();

    // What is being registered at the other nodes of the cluster.
    private readonly Dictionary<string, (string Secret, long At)> _sisters = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Registration> _registrations = new(StringComparer.Ordinal);

    /// <summary>Asks all foreign servers for a username.</summary>
    /// <param name="ticket">Who asks; comes back with the decision.</param>
    /// <param name="username">The username.</param>
    /// <param name="secret">Its secret.</param>
    /// <param name="now">Milliseconds, never going back.</param>
    /// <param name="output">Receives what is to be done; the decision, when there is nobody to wait for.</param>
    public void Register(long ticket, string username, string secret, long now, OverlayOutput output)
    {
        if (_registrations.ContainsKey(username))
        {
            output.Decisions.Add(new NameDecision(ticket, NameAnswer.Busy, ""));
            return;
        }

        var waits = _servers.Values.Where(s => !s.IsOurs).GroupBy(s => s.Source).ToDictionary(g => g.Key, g => new Wait([.. g.Select(s => s.Id)]));
        var isAsked = waits.Count > 0 || _peers.Count > 0;
        if (isAsked)
        {
            Remember(Self, username, secret, now);
            Broadcast(StreamerLines.Name(StreamerCommands.LockRequest, username, secret), output);
        }

        if (waits.Count == 0)
        {
            output.Decisions.Add(new NameDecision(ticket, NameAnswer.Unasked, ""));
            return;
        }

        _registrations.Add(username, new Registration(ticket, username, secret, now + _options.LockWaitMs, waits));
    }

    /// <summary>A registration that all other servers had agreed to came to nothing: they forget it.</summary>
    /// <param name="username">The username.</param>
    /// <param name="secret">Its secret.</param>
    /// <param name="output">Receives what is to be done.</param>
    public void Release(string username, string secret, OverlayOutput output)
    {
        if (_peers.Count > 0 || _servers.Values.Any(s => !s.IsOurs))
        {
            Broadcast(StreamerLines.Name(StreamerCommands.LockDenied, username, secret), output);
        }
    }

    /// <summary>What the accounts say to a <see cref="LockQuestion"/>.</summary>
    /// <param name="question">The question.</param>
    /// <param name="isAllowed">Whether the name was free, or is known with the same secret.</param>
    /// <param name="output">Receives what is to be done.</param>
    public void Answer(LockQuestion question, bool isAllowed, OverlayOutput output) =>
        Broadcast(
            isAllowed
                ? StreamerLines.Name(StreamerCommands.LockAllowed, question.Username, question.Secret, _options.TellsServer ? Id : "")
                : StreamerLines.Name(StreamerCommands.LockDenied, question.Username, question.Secret),
            output);

    private void TakeRequest(Source source, string username, string secret, long now, OverlayOutput output)
    {
        var isRivalled = IsRivalled(username, secret, now);
        Remember(source, username, secret, now);
        PassOn(source, StreamerLines.Name(StreamerCommands.LockRequest, username, secret), output);
        if (source.IsNode)
        {
            return; // Between our own nodes claims decide.
        }

        var question = new LockQuestion(username, secret, source.IsPeer);
        if (isRivalled)
        {
            Answer(question, isAllowed: false, output);
        }
        else if (_registrations.ContainsKey(username) || IsSistersOwn(username, now))
        {
            // With this very secret: mostly it came back from somebody who sends on what it hears. The claim of that registration records it, another would be its rival.
            Answer(question, isAllowed: true, output);
        }
        else
        {
            output.Questions.Add(question);
        }
    }

    /// <summary>Whether someone is registering the name with another secret at one of our nodes.</summary>
    private bool IsRivalled(string username, string secret, long now)
    {
        if (_registrations.TryGetValue(username, out var own) && own.Secret != secret)
        {
            return true;
        }

        return IsSistersOwn(username, now) && _sisters[username].Secret != secret;
    }

    /// <summary>Whether the name is being registered at another node of ours.</summary>
    private bool IsSistersOwn(string username, long now) => _sisters.TryGetValue(username, out var sister) && now - sister.At < _options.LockWaitMs;

    private void TakeAllowed(Source source, StreamerMessage message, OverlayOutput output)
    {
        var isOurs = _registrations.TryGetValue(message.Username, out var registration) && registration.Secret == message.Secret;
        if (!isOurs && !_requests.ContainsKey((message.Username, message.Secret)))
        {
            output.Drops.Add(StreamerDrop.Unasked);
            return;
        }

        PassOn(source, StreamerLines.Name(StreamerCommands.LockAllowed, message.Username, message.Secret, message.Id), output);
        if (isOurs && registration!.Waits.TryGetValue(source, out var wait)) // It was found.
        {
            wait.Allow(message.Id);
            if (registration.Waits.Values.All(w => w.IsOver))
            {
                Decide(registration, NameAnswer.Allowed, "", output);
            }
        }
    }

    private void TakeDenied(Source source, string username, string secret, OverlayOutput output)
    {
        var isAsked = _requests.TryGetValue((username, secret), out var request);
        if (isAsked)
        {
            PassOn(source, StreamerLines.Name(StreamerCommands.LockDenied, username, secret), output);
        }

        if (_sisters.TryGetValue(username, out var sister) && sister.Secret == secret)
        {
            _sisters.Remove(username); // That registration has failed.
        }

        if (source.IsPeer || (isAsked && request!.Source.IsPeer)) // It was found.
        {
            output.Releases.Add((username, secret)); // One node of ours does it for all.
        }

        if (_registrations.TryGetValue(username, out var registration) && registration.Secret == secret)
        {
            Decide(registration, NameAnswer.Denied, "", output);
        }
    }

    private void Decide(Registration registration, NameAnswer answer, string servers, OverlayOutput output)
    {
        _registrations.Remove(registration.Username);
        output.Decisions.Add(new NameDecision(registration.Ticket, answer, servers));
        if (answer is NameAnswer.Silent or NameAnswer.Gone or NameAnswer.Stopping)
        {
            Release(registration.Username, registration.Secret, output);
        }
    }

    private void CheckNames(long now, OverlayOutput output)
    {
        foreach (var registration in _registrations.Values.Where(r => now >= r.Until).ToList())
        {
            Decide(registration, NameAnswer.Silent, string.Join("; ", registration.Waits.Values.Where(w => !w.IsOver).Take(5).Select(w => w.Silent)), output);
        }

        if (_sisters.Count > 0)
        {
            foreach (var (username, sister) in _sisters)
            {
                if (now - sister.At >= _options.LockWaitMs)
                {
                    _sisters.Remove(username); // A dictionary may lose what it is walked over.
                }
            }
        }

        while (_requestOrder.TryPeek(out var oldest) && (!_requests.TryGetValue(oldest, out var request) || now - request.At >= Math.Max(RequestMs, 2 * _options.LockWaitMs)))
        {
            _requests.Remove(_requestOrder.Dequeue());
        }
    }

    private void EndWaits(OverlayOutput output)
    {
        foreach (var registration in _registrations.Values.ToList())
        {
            Decide(registration, NameAnswer.Stopping, "", output);
        }
    }

    private void EndWaitsFor(Server server, OverlayOutput output)
    {
        foreach (var registration in _registrations.Values.Where(r => r.Waits.TryGetValue(server.Source, out var wait) && wait.IsFor(server.Id)).ToList())
        {
            Decide(registration, NameAnswer.Gone, Printable.Cut(server.Id), output);
        }
    }

    private void Remember(Source source, string username, string secret, long now)
    {
        if (source.IsNode && (_sisters.Count < RequestsMax || _sisters.ContainsKey(username)))
        {
            _sisters[username] = (secret, now);
        }

        if (_requests.TryGetValue((username, secret), out var known))
        {
            known.At = now;
            known.Source = known.Source.IsPeer ? known.Source : source; // Whoever recorded the name is to forget it.
            return;
        }

        if (_requests.Count >= RequestsMax)
        {
            _requests.Remove(_requestOrder.Dequeue());
        }

        _requests.Add((username, secret), new Request { Source = source, At = now });
        _requestOrder.Enqueue((username, secret));
    }

    /// <summary>A username that someone asked all servers for.</summary>
    private sealed class Request
    {
        public Source Source { get; set; }

        public long At { get; set; }
    }

    /// <summary>A registration of this node that waits for others.</summary>
    private sealed record Registration(long Ticket, string Username, string Secret, long Until, Dictionary<Source, Wait> Waits);

    /// <summary>Whom a registration waits for by one way. The document's answers say nothing of who answers, so those are counted; an id, where there is one, counts once.</summary>
    private sealed class Wait(HashSet<string> ids)
    {
        private readonly HashSet<string> _named = new(StringComparer.Ordinal);
        private int _unnamed;

        public bool IsOver => _named.Count + _unnamed >= ids.Count;

        /// <summary>Who has not answered, as far as that can be known; for people.</summary>
        public string Silent
        {
            get
            {
                var candidates = string.Join(", ", ids.Where(id => !_named.Contains(id)).Order(StringComparer.Ordinal).Take(5).Select(id => Printable.Cut(id)));
                return _unnamed == 0 ? candidates : string.Create(CultureInfo.InvariantCulture, $"{ids.Count - _named.Count - _unnamed} of {candidates}");
            }
        }

        public bool IsFor(string id) => ids.Contains(id) && !_named.Contains(id) && !IsOver;

        public void Allow(string id)
        {
            if (id.Length == 0)
            {
                _unnamed++;
            }
            else if (ids.Contains(id))
            {
                _named.Add(id);
            }
        }
    }
}
